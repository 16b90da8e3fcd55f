/**
 * Answers what is asked of a node's workers; everything else goes to the keeper of its layout.
 *
 * Owns:          nothing.
 * Knows:         the registry of workers, the cluster messages.
 * Must not know: workers, layouts.
 */
import type { ClusterReply, ClusterRequest } from '../../schemas/messages/cluster.ts';
import type { WorkerRegistry } from '../runtime/worker-registry.ts';

export class NodeUpkeep {
  readonly #registry: WorkerRegistry;
  readonly #others: (request: ClusterRequest) => Promise<ClusterReply>;

  constructor(
    registry: WorkerRegistry,
    others: (request: ClusterRequest) => Promise<ClusterReply>,
  ) {
    this.#registry = registry;
    this.#others = others;
  }

  async receive(request: ClusterRequest): Promise<ClusterReply> {
    switch (request.kind) {
      case 'workers':
        return { kind: 'workers', workers: this.#registry.workers() };
      case 'worker-variables':
        return this.#variables();
      case 'worker-variable-set': {
        const { variable, value } = request;
        const reason = await this.#registry.setVariable(variable, value);
        return reason === undefined ? this.#variables() : { kind: 'refused', reason };
      }
      case 'repair-launch': {
        const reason = await this.#registry.launch(request.repair);
        return reason === undefined ? { kind: 'launched' } : { kind: 'refused', reason };
      }
      default:
        return this.#others(request);
    }
  }

  #variables(): ClusterReply {
    return { kind: 'worker-variables', variables: this.#registry.variables() };
  }
}
