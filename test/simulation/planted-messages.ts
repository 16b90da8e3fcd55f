/**
 * Buses that change what is said, for planted bugs.
 *
 * Owns:          what becomes of which message.
 * Knows:         the port of the bus, the messages.
 * Must not know: which bug that is.
 */
import type { Address, Bus, Server, Subject } from '../../bus/bus.ts';
import type { ClusterReply, ClusterRequest } from '../../schemas/messages/cluster.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import type { Soon } from '../../schemas/soon.ts';
import type { Kinded } from '../../schemas/wire.ts';
import type { NodePorts } from './plants.ts';

type Asked = TableRequest | ClusterRequest;
type Answered = TableReply | ClusterReply;

type Changes = {
  readonly request?: (
    address: Address<Kinded, Kinded>,
    request: Kinded,
  ) => { address?: Address<Kinded, Kinded>; answer?: Kinded };
  readonly serve?: (server: Server<Kinded, Kinded>) => Server<Kinded, Kinded>;
};

function changed(bus: Bus, changes: Changes): Bus {
  return {
    request: (address, request, options) => {
      const plain = address as unknown as Address<Kinded, Kinded>;
      const made = changes.request?.(plain, request) ?? {};
      const answer =
        made.answer === undefined
          ? bus.request(made.address ?? plain, request, options)
          : Promise.resolve(made.answer);
      return answer as Soon<never>;
    },
    serve: (address, server) => {
      const plain = server as unknown as Server<Kinded, Kinded>;
      const made = changes.serve?.(plain) ?? plain;
      return bus.serve(address as unknown as Address<Kinded, Kinded>, made);
    },
    publish: (topic, event) => {
      bus.publish(topic, event);
    },
    listen: (topic, listener) => bus.listen(topic, listener),
  };
}

/** Whoever asks this is answered at once, by nobody. */
export function answering<Kind extends Asked['kind']>(
  bus: Bus,
  kind: Kind,
  answer: (request: Extract<Asked, { kind: Kind }>) => Answered,
): Bus {
  return changed(bus, {
    request: (_, request) => (request.kind === kind ? { answer: answer(request as never) } : {}),
  });
}

/** What others hold of a version the node asks itself. */
export function askingItself(bus: Bus, { nodeId }: NodePorts): Bus {
  return changed(bus, {
    request: (address, request) => {
      if (request.kind !== 'version-check') return {};
      const subject = address.subject.replace(address.node, nodeId) as Subject;
      return { address: { ...address, node: nodeId, subject } };
    },
  });
}

/** Every request is taken for one of who knows what is known here. */
export function ofAnyLayout(bus: Bus, ports: NodePorts): Bus {
  return changed(bus, {
    serve: server => (request, context) =>
      server(request, {
        ...context,
        deadlineAtMs: context.deadlineAtMs,
        layouts: ports.known.liveIds,
      }),
  });
}

/** Rows are taken for such as were read in the round that is now. */
export function fromAnyRound(bus: Bus): Bus {
  return changed(bus, {
    serve: server => (request, context) =>
      server(
        request.kind === 'rows-merge' ? ({ ...request, round: undefined } as Kinded) : request,
        context,
      ),
  });
}
