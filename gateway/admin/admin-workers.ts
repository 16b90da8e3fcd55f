/**
 * The admin operations on what nodes do in the background.
 *
 * Owns:          their parameters and answers, the names of repairs in the API.
 * Knows:         the ClusterControl.
 * Must not know: doors, what any worker does.
 */
import { Type } from 'typebox';
import type { NodeAnswer } from '../../schemas/admin-types.ts';
import type { Repair, WorkerVariables, WorkerView } from '../../schemas/node-work.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import { optional } from './admin-params.ts';
import { onNodes } from './on-nodes.ts';

function withBody<Body extends Type.TSchema>(body: Body) {
  return Type.Object({ node: Type.String(), body });
}

const scrubCommand = Type.Union([
  Type.Literal('start'),
  Type.Literal('pause'),
  Type.Literal('resume'),
  Type.Literal('cancel'),
]);
const repairType = Type.Union([
  Type.Literal('tables'),
  Type.Literal('blocks'),
  Type.Literal('versions'),
  Type.Literal('multipartUploads'),
  Type.Literal('blockRefs'),
  Type.Literal('blockRc'),
  Type.Literal('rebalance'),
  Type.Literal('aliases'),
  Type.Literal('clearResyncQueue'),
  Type.Object({ scrub: scrubCommand }),
]);

function repairOf(wanted: Type.Static<typeof repairType>): Repair {
  return typeof wanted === 'string' ? wanted : `scrub-${wanted.scrub}`;
}

const onNode = { query: ['node'], body: 'json' } as const;

export const workerOperations: Readonly<Record<string, AdminOperation>> = {
  LaunchRepairOperation: operation(
    'POST',
    { ...onNode, params: withBody(Type.Object({ repairType })) },
    (ports, { node, body }) =>
      onNodes(ports, node, ({ id }) => ports.cluster.launchRepair(id, repairOf(body.repairType))),
  ),

  ListWorkers: operation(
    'POST',
    {
      ...onNode,
      params: withBody(
        Type.Object({ busyOnly: optional(Type.Boolean()), errorOnly: optional(Type.Boolean()) }),
      ),
    },
    (ports, { node, body: { busyOnly, errorOnly } }) =>
      onNodes(ports, node, async ({ id }) => {
        const answer = await ports.cluster.workers(id);
        if (answer.kind === 'failed') return answer;
        const value = answer.value.filter(
          worker => (!busyOnly || isBusy(worker)) && (!errorOnly || hasErrors(worker)),
        );
        return { kind: 'answered', value };
      }),
  ),

  GetWorkerInfo: operation(
    'POST',
    { ...onNode, params: withBody(Type.Object({ id: Type.Integer() })) },
    (ports, { node, body }) =>
      onNodes(ports, node, async status => {
        const answer = await ports.cluster.workers(status.id);
        if (answer.kind === 'failed') return answer;
        const value = answer.value.find(worker => worker.id === body.id);
        if (value !== undefined) return { kind: 'answered', value };
        return { kind: 'failed', message: `There is no worker ${String(body.id)}.` };
      }),
  ),

  GetWorkerVariable: operation(
    'POST',
    { ...onNode, params: withBody(Type.Object({ variable: optional(Type.String()) })) },
    (ports, { node, body: { variable } }) =>
      onNodes(ports, node, async ({ id }) =>
        chosenVariable(await ports.cluster.workerVariables(id), variable ?? undefined),
      ),
  ),

  SetWorkerVariable: operation(
    'POST',
    {
      ...onNode,
      params: withBody(Type.Object({ variable: Type.String(), value: Type.String() })),
    },
    (ports, { node, body: { variable, value } }) =>
      onNodes(ports, node, async ({ id }) => {
        const answer = await ports.cluster.setWorkerVariable(id, variable, value);
        if (answer.kind === 'failed') return answer;
        const set = { variable, value: answer.value[variable] ?? value };
        return { kind: 'answered', value: set };
      }),
  ),
};

function isBusy({ state }: WorkerView): boolean {
  return state === 'busy' || typeof state === 'object';
}

function hasErrors({ errors, persistentErrors }: WorkerView): boolean {
  return errors > 0 || (persistentErrors ?? 0) > 0;
}

function chosenVariable(
  answer: NodeAnswer<WorkerVariables>,
  name: string | undefined,
): NodeAnswer<WorkerVariables> {
  if (answer.kind === 'failed' || name === undefined) return answer;
  const value = answer.value[name];
  if (value !== undefined) return { kind: 'answered', value: { [name]: value } };
  return { kind: 'failed', message: `There is no variable ${name}.` };
}
