/**
 * Asks each storage node now and then what its clocks say, and how long that takes.
 *
 * Owns:          the measurements: round trips, and the offsets that come of the shortest of them;
 *                who is not reached.
 * Knows:         the bus.
 * Must not know: what they are used for.
 *
 * The shortest of the last few round trips is taken: what took longer waited somewhere, and tells
 * less of the way and of the clock at its other end. What was measured goes along with the next
 * question: so the node learns of our clock too, which it could not ask, were we a gateway.
 *
 * Who does not answer is told of, too: where a way is cut in one direction a node is heard, and
 * reached by nothing.
 */
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Bus } from './bus.ts';
import { askGuarded } from './guarded.ts';
import type { PeerOffsets } from './peer-offsets.ts';
import type { Subjects } from './subjects.ts';

export type PeerPingsOptions = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly environment: Environment;
  readonly process: number;
  readonly offsets: PeerOffsets;
  /** A round trip was measured. */
  readonly measured: () => void;
  /** Questions reach the node no more, though it may be heard; or again. */
  readonly reaches: (node: NodeId, isReached: boolean) => void;
};

type Sample = {
  readonly roundTripMs: number;
  /** Our clock and theirs in the middle of the round trip. */
  readonly oursMs: number;
  readonly theirsMs: number;
  readonly wallMs: number;
  readonly process: number;
};

type Asked = {
  nextAtMs: number;
  isAsking: boolean;
  samples: readonly Sample[];
  /** Questions in a row to which no answer came in time. */
  unanswered: number;
};

const PING_MS = 2000;
const TIMEOUT_MS = 1500;
/** One may be lost with a connection; who does not answer several is not reached. */
const UNANSWERED_MAX = 2;
const SAMPLES_KEPT = 8;

export class PeerPings {
  readonly #options: PeerPingsOptions;
  readonly #nodes = new Map<NodeId, Asked>();

  constructor(options: PeerPingsOptions) {
    this.#options = options;
  }

  roundTripMs(node: NodeId): number | undefined {
    return best(this.#nodes.get(node)?.samples ?? [])?.roundTripMs;
  }

  /** False: it may be heard, and does not answer. */
  isReached(node: NodeId): boolean {
    return (this.#nodes.get(node)?.unanswered ?? 0) < UNANSWERED_MAX;
  }

  /** Asks those whose turn it is. */
  tick(nodes: readonly NodeId[]): void {
    const nowMs = this.#options.environment.clock.monotonicMs();
    for (const node of nodes) {
      const asked = this.#asked(node);
      if (nowMs >= asked.nextAtMs && !asked.isAsking) void this.#ask(node, asked);
    }
  }

  /** It has just come, perhaps by another way than before. */
  askNow(node: NodeId): void {
    const asked = this.#asked(node);
    asked.samples = [];
    if (!asked.isAsking) void this.#ask(node, asked);
  }

  forget(node: NodeId): void {
    this.#nodes.delete(node);
    this.#options.offsets.forget(node);
  }

  #asked(node: NodeId): Asked {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const made = { nextAtMs: 0, isAsking: false, samples: [], unanswered: 0 };
    this.#nodes.set(node, made);
    return made;
  }

  async #ask(node: NodeId, asked: Asked): Promise<void> {
    const { bus, subjects, environment, process, measured } = this.#options;
    const { clock, random } = environment;
    const sentAtMs = clock.monotonicMs();
    asked.isAsking = true;
    // Not all at the same moment.
    asked.nextAtMs = sentAtMs + PING_MS * (0.75 + random.fraction() / 2);
    const known = best(asked.samples);
    const request = {
      ...({ kind: 'ping', process } as const),
      ...(known && {
        mineMs: Math.max(0, Math.round(known.oursMs)),
        yoursMs: Math.max(0, Math.round(known.theirsMs)),
        yourProcess: known.process,
      }),
    };
    const reply = await askGuarded(bus, subjects.cluster(node), [
      request,
      { timeoutMs: TIMEOUT_MS },
    ]);
    asked.isAsking = false;
    if (reply.kind === 'timed-out') this.#unanswered(node, asked);
    if (reply.kind !== 'pong') return;
    this.#answered(node, asked);
    const roundTripMs = clock.monotonicMs() - sentAtMs;
    const { monotonicMs: theirsMs, wallMs } = reply;
    const oursMs = sentAtMs + roundTripMs / 2;
    const sample = { roundTripMs, oursMs, theirsMs, wallMs, process: reply.process };
    const before = asked.samples.filter(({ process: other }) => other === reply.process);
    asked.samples = [...before, sample].slice(-SAMPLES_KEPT);
    this.#learn(node, asked.samples);
    measured();
  }

  #unanswered(node: NodeId, asked: Asked): void {
    asked.unanswered += 1;
    // At once again: others wait to hear whether it is reached.
    if (asked.unanswered < UNANSWERED_MAX) asked.nextAtMs = 0;
    if (asked.unanswered === UNANSWERED_MAX) this.#options.reaches(node, false);
  }

  #answered(node: NodeId, asked: Asked): void {
    const wasReached = this.isReached(node);
    asked.unanswered = 0;
    if (!wasReached) this.#options.reaches(node, true);
  }

  #learn(node: NodeId, samples: readonly Sample[]): void {
    const { offsets } = this.#options;
    const shortest = best(samples);
    if (shortest === undefined) return;
    offsets.learnProcess(shortest.process, shortest.theirsMs, shortest.oursMs);
    const newest = samples.at(-1) ?? shortest;
    // A wall clock may be set: its newest reading counts, unless that took much longer.
    const wall = newest.roundTripMs > 4 * shortest.roundTripMs + 10 ? shortest : newest;
    offsets.learnWall(node, wall.wallMs, wall.oursMs);
  }
}

function best(samples: readonly Sample[]): Sample | undefined {
  return samples.reduce<Sample | undefined>(
    (shortest, sample) =>
      shortest === undefined || sample.roundTripMs <= shortest.roundTripMs ? sample : shortest,
    undefined,
  );
}
