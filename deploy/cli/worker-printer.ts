/**
 * Prints workers, their variables, and what nodes answered one by one.
 *
 * Owns:          labels, columns and their order, which are Garage's.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 */
import { textTable } from '../../gateway/admin/text-table.ts';
import type { WorkerState, WorkerVariables, WorkerView } from '../../schemas/node-work.ts';
import type { NodesAnswer } from './api-answers.ts';
import { SHORT_ID } from './bucket-printer.ts';
import { ago } from './status-printer.ts';

const HEAD = ['TID', 'State', 'Name', 'Tranq', 'Done', 'Queue', 'Errors', 'Consec', 'Last'];

export function workerList(workers: readonly WorkerView[]): string[] {
  return textTable([
    HEAD,
    ...workers.map(worker => [
      String(worker.id),
      stateText(worker.state, 'short'),
      worker.name,
      numberOr(worker.tranquility),
      worker.progress ?? '-',
      numberOr(worker.queueLength),
      worker.errors === 0 ? '-' : String(worker.errors),
      worker.consecutiveErrors === 0 ? '-' : String(worker.consecutiveErrors),
      worker.lastError === null ? '' : ago(worker.lastError.secsAgo),
    ]),
  ]);
}

function numberOr(value: number | null): string {
  return value === null ? '-' : String(value);
}

function stateText(state: WorkerState, manner: 'short' | 'long'): string {
  if (state === 'busy') return 'Busy';
  if (state === 'idle') return 'Idle';
  if (state === 'done') return 'Done';
  const { durationSecs } = state.throttled;
  return manner === 'short' ? 'Busy*' : `Busy (throttled, rests ${String(durationSecs)} s)`;
}

export function workerInfo(worker: WorkerView): string[] {
  const { lastError, tranquility, progress, queueLength, persistentErrors } = worker;
  const optional = (label: string, value: number | string | null): string[][] =>
    value === null ? [] : [[label, String(value)]];
  return [
    ...textTable([
      ['Task id:', String(worker.id)],
      ['Worker name:', worker.name],
      ['Worker state:', stateText(worker.state, 'long')],
      ...optional('Tranquility:', tranquility),
      ['Total errors:', String(worker.errors)],
      ['Consecutive errs:', String(worker.consecutiveErrors)],
      ...optional('Last error:', lastError?.message ?? null),
      ...optional('Last error time:', lastError === null ? null : ago(lastError.secsAgo)),
      ...optional('Progress:', progress),
      ...optional('Queue length:', queueLength),
      ...optional('Persistent errors:', persistentErrors),
    ]),
    ...worker.freeform,
  ];
}

export function variableTable(nodes: NodesAnswer<WorkerVariables>): string[] {
  return textTable(
    Object.entries(nodes.success).flatMap(([id, variables]) =>
      Object.entries(variables).map(([name, value]) => [id.slice(0, SHORT_ID), name, value]),
    ),
  );
}

/** One line for each node: the same for all that did it, and why the others did not. */
export function nodeResults(nodes: NodesAnswer<unknown>, success: string): string[] {
  return textTable([
    ...Object.keys(nodes.success).map(id => [id.slice(0, SHORT_ID), success]),
    ...Object.entries(nodes.error).map(([id, text]) => [id.slice(0, SHORT_ID), `Error: ${text}`]),
  ]);
}
