/**
 * A block whose only object is deleted, and that comes again about when its file goes.
 *
 * Owns:          when the object is written and deleted, and whom the gateway that deletes it
 *                reaches.
 * Knows:         the judge of registers; for how long a file stays that nothing refers to.
 * Must not know: references.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { pause } from '../../schemas/pause.ts';
import type { RegisterJudge } from './register-judge.ts';
import { DELETE_DELAY_MS } from './simulated-node.ts';
import type { Run } from './workload.ts';

export const REUSED_KEY = 'again';

const KEPT_MS_MAX = 300;
/** Those who collect look every second. */
const COLLECTED_MS_MAX = 1500;
/** So long that what was deleted at one site alone is collected before the others hear of it. */
const CUT_MS = 2200;

export class ReusedBlock {
  readonly #run: Run;
  readonly #judge: RegisterJudge;
  readonly #place: ObjectPlace;

  constructor(run: Run, judge: RegisterJudge, place: ObjectPlace) {
    this.#run = run;
    this.#judge = judge;
    this.#place = place;
  }

  /** Once: written, deleted, and gone or nearly so. */
  async turn(): Promise<void> {
    const { random, contents } = this.#run;
    await this.#judge.put(this.#place, contents.makeSharing(REUSED_KEY));
    await this.#pass(random.fraction() * KEPT_MS_MAX);
    if (random.below(2) === 0) await this.#deleteAtOneSite();
    else await this.#judge.delete(this.#place);
    await this.#pass(DELETE_DELAY_MS + random.fraction() * COLLECTED_MS_MAX);
  }

  /** By a gateway that reaches nobody else. */
  async #deleteAtOneSite(): Promise<void> {
    const { random, cluster } = this.#run;
    const { gateways, network, zones } = cluster;
    const index = random.below(gateways.length);
    const { name } = gateways[index]!.services.process;
    const reached = zones[random.below(zones.length)]!;
    const others = zones.filter(zone => zone !== reached);
    for (const zone of others) network.cut(name, zone);
    cluster.trace.tell(`${name} reaches ${reached} alone`);
    const deleted = this.#judge.delete(this.#place, index);
    await this.#pass(CUT_MS);
    for (const zone of others) network.mend(name, zone);
    await deleted;
  }

  #pass(ms: number): Promise<void> {
    return pause(this.#run.cluster.time.timers, ms);
  }
}
