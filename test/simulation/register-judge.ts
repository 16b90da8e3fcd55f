/**
 * Registers of a run: each key is one, and what is read of it is judged at once.
 *
 * Owns:          what was begun, acknowledged and seen.
 * Knows:         the register checker, the contents of the run.
 * Must not know: which key is read and written when.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { pause } from '../../schemas/pause.ts';
import { RegisterChecker, type Value } from '../support/register-checker.ts';
import type { Content } from './contents.ts';
import { deleteObject, getObject, putObject } from './simulated-client.ts';
import type { GatewayServices } from './simulated-gateway.ts';
import { violate, type Clients, type Request, type Run, type Told } from './workload.ts';

const ROW_WITHIN_MS = 10_000;
const VERIFY_WITHIN_MS = 60_000;
const VERIFY_AGAIN_MS = 500;

export class RegisterJudge {
  readonly #run: Run;
  readonly #clients: Clients;
  readonly #checker = new RegisterChecker();

  constructor(run: Run, clients: Clients) {
    this.#run = run;
    this.#clients = clients;
  }

  /** A write: acknowledged once its request is done. */
  async change<Done>(
    key: string,
    value: Value,
    request: Request<Done>,
    gateway?: number,
  ): Promise<Told<Done>> {
    const acknowledge = this.begin(key, value);
    const told = await this.#clients.ask(request, gateway);
    if (told.kind === 'done') acknowledge();
    return told;
  }

  /** The object of that place, whose key names the register. */
  async put(place: ObjectPlace, content: Content, gateway?: number): Promise<void> {
    const { value, shape } = content;
    const request = {
      what: `put ${place.key} = ${String(value)} (${shape})`,
      work: (at: GatewayServices) => putObject(at, place, content),
    };
    await this.change(place.key, value, request, gateway);
  }

  async delete(place: ObjectPlace, gateway?: number): Promise<void> {
    const request = {
      what: `delete ${place.key}`,
      work: (at: GatewayServices) => deleteObject(at, place),
      withinMs: ROW_WITHIN_MS,
    };
    await this.change(place.key, 'deleted', request, gateway);
  }

  /** The same where one write takes several requests. */
  begin(key: string, value: Value): () => void {
    const { time } = this.#run.cluster;
    const acknowledged = this.#checker.begin(key, value, time.nowMs);
    return () => {
      acknowledged(time.nowMs);
    };
  }

  async read(key: string, place: ObjectPlace, gateway?: number): Promise<boolean> {
    const beganMs = this.#run.cluster.time.nowMs;
    const told = await this.#clients.ask(
      {
        what: `get ${key}`,
        work: services => getObject(services, place),
        withinMs: ROW_WITHIN_MS,
      },
      gateway,
    );
    if (told.kind !== 'done') return false;
    const { done } = told;
    const value = done === undefined ? 'deleted' : this.#run.contents.valueOf(done);
    if (value === undefined) violate(this.#run, `${key} has bytes that were never stored`);
    else this.saw(key, value, beganMs);
    return true;
  }

  saw(key: string, value: Value, beganMs: number): void {
    const { stale } = this.#checker;
    const before = stale.length;
    this.#run.cluster.trace.tell(`  ${key} is ${String(value)}`);
    this.#checker.saw(key, value, beganMs);
    const found = stale[before];
    if (found === undefined) return;
    const hidden = String(found.hides);
    violate(this.#run, `${key} was read as ${String(value)}: ${hidden} was acknowledged before`);
  }

  /** Reads every key at every gateway, until it is answered. */
  async verify(placeOf: (key: string) => ObjectPlace): Promise<void> {
    const { time, gateways } = this.#run.cluster;
    const verifyAt = async (gateway: number): Promise<void> => {
      for (const key of this.#checker.keys) {
        const endMs = time.nowMs + VERIFY_WITHIN_MS;
        while (!(await this.read(key, placeOf(key), gateway))) {
          if (time.nowMs > endMs) {
            violate(this.#run, `${key} cannot be read after everything was healed`);
            break;
          }
          await pause(time.timers, VERIFY_AGAIN_MS);
        }
      }
    };
    await time.until(Promise.all(gateways.map((_, gateway) => verifyAt(gateway))));
  }
}
