/**
 * Carries out one case: makes what it names, fills its placeholders, sends its steps, judges them.
 *
 * Owns:          the order of steps, and what a placeholder becomes.
 * Knows:         fixtures, sending, judging.
 * Must not know: which cases there are; single node or cluster, but for what a cluster refuses.
 */
import { headerValue } from '../support/raw-http.ts';
import { clusterLimits } from './cluster-limits.ts';
import { fixtures, type Fixture } from './fixtures.ts';
import { answerOf, complaints } from './judge.ts';
import { exchangeOf, type Exchange, type S3Case, type Step } from './s3-case.ts';
import type { Callers, Reply, Sender } from './sender.ts';
import { textsAt } from './xml-tree.ts';

export type DeploymentKind = 'single node' | 'cluster';

const DAY_MS = 86_400_000;
/** `${filename}` is S3's own. */
const PLACEHOLDER = /(?<!\$)\{([A-Za-z\d]+(?:\.[\w-]+)?)\}/g;

/** The servers that cases are run against, and what was made there for all of them. */
export class ConformanceWorld {
  readonly kind: DeploymentKind;
  readonly callers: Callers;
  readonly #senders: readonly Sender[];
  readonly #shared = new Map<string, Promise<string>>();
  #runs = 0;
  #names = 0;

  constructor(kind: DeploymentKind, senders: readonly Sender[], callers: Callers) {
    this.kind = kind;
    this.callers = callers;
    this.#senders = senders;
  }

  /** What is wrong with the answers; none is good. Each case is the next server's. */
  async judge(one: S3Case): Promise<readonly string[]> {
    this.#runs += 1;
    const sender = this.#senders[this.#runs % this.#senders.length];
    if (sender === undefined) throw new Error('a world has servers');
    try {
      return await new CaseRun(this, sender).judge(one);
    } catch (failure) {
      if (failure instanceof StepFailure && this.#isLimit(one, failure.answer)) return [];
      return [failure instanceof Error ? failure.message : String(failure)];
    }
  }

  #isLimit({ cluster }: S3Case, answer: string): boolean {
    return this.kind === 'cluster' && cluster !== undefined && clusterLimits[cluster] === answer;
  }

  name(fixture: string): string {
    this.#names += 1;
    return `${fixture}-${this.#names}`;
  }

  /** Made at most once. */
  sharedFixture(name: string, make: () => Promise<string>): Promise<string> {
    const found = this.#shared.get(name) ?? make();
    this.#shared.set(name, found);
    return found;
  }

  close(): void {
    for (const sender of this.#senders) sender.close();
  }
}

/** A step was not answered as it must be for the case to go on. */
class StepFailure extends Error {
  readonly answer: string;

  constructor(message: string, answer: string) {
    super(message);
    this.answer = answer;
  }
}

class CaseRun {
  readonly #world: ConformanceWorld;
  readonly #sender: Sender;
  readonly #made = new Map<string, Promise<string>>();

  constructor(world: ConformanceWorld, sender: Sender) {
    this.#world = world;
    this.#sender = sender;
  }

  async judge(one: S3Case): Promise<readonly string[]> {
    const { given = [], then = [], cluster, ...exchange } = one;
    const steps = [...given, exchange, ...then];
    const isLimited = this.#world.kind === 'cluster' && cluster !== undefined;
    const replies: Reply[] = [];
    for (const [index, step] of steps.entries()) {
      const found = await this.#step(step, replies, undefined);
      if (found.length === 0) continue;
      const answer = answerOf(exchangeOf(step), replies[index] ?? { status: 0 });
      throw new StepFailure(found.join('; '), answer);
    }
    return isLimited ? [`a cluster offers ${cluster} now: take the limit off this case`] : [];
  }

  async #step(step: Step, replies: Reply[], it: string | undefined): Promise<readonly string[]> {
    const exchange = (await this.#filled(exchangeOf(step), replies, it)) as Exchange;
    const reply = await this.#sender.send(exchange);
    replies.push(reply);
    const what = 'ask' in exchange ? exchange.ask : exchange.call;
    return complaints(exchange, reply).map(complaint => `${what}: ${complaint}`);
  }

  /** The same value with all placeholders of its texts replaced. */
  async #filled(value: unknown, replies: readonly Reply[], it?: string): Promise<unknown> {
    if (typeof value === 'string') return this.#filledText(value, replies, it);
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof RegExp || value instanceof Uint8Array || value instanceof Date)
      return value;
    if (value instanceof Array) {
      return Promise.all(value.map(one => this.#filled(one, replies, it)));
    }
    const filled: Record<string, unknown> = {};
    for (const [name, one] of Object.entries(value)) {
      const text = await this.#filledText(name, replies, it);
      filled[text] = await this.#filled(one, replies, it);
    }
    return filled;
  }

  async #filledText(text: string, replies: readonly Reply[], it?: string): Promise<string> {
    if (!text.includes('{')) return text;
    const names = [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
    const values = new Map<string, string>();
    for (const name of names) values.set(name, await this.#value(name, replies, it));
    return text.replace(PLACEHOLDER, (_all, name: string) => values.get(name) ?? '');
  }

  async #value(name: string, replies: readonly Reply[], it?: string): Promise<string> {
    const { owner, stranger } = this.#world.callers;
    if (name === 'it' && it !== undefined) return it;
    if (name === 'now') return new Date().toUTCString();
    if (name === 'past') return new Date(Date.now() - DAY_MS).toUTCString();
    if (name === 'future') return new Date(Date.now() + DAY_MS).toUTCString();
    if (name === 'owner') return owner.accessKeyId;
    if (name === 'stranger') return stranger.accessKeyId;
    const [whose = '', ...rest] = name.split('.');
    if (rest.join('.') === 'path')
      return (await this.#value(whose, replies, it)).replace(/\?.*/, '');
    if (rest.length > 0) return answered(replies[Number(whose) - 1], rest.join('.'));
    const fixture = fixtures[name];
    if (fixture === undefined) throw new Error(`there is no fixture ${name}`);
    const make = (): Promise<string> => this.#make(name, fixture);
    if (fixture.scope === 'shared') return this.#world.sharedFixture(name, make);
    const found = this.#made.get(name) ?? make();
    this.#made.set(name, found);
    return found;
  }

  async #make(name: string, { kind, steps, value = '{it}' }: Fixture): Promise<string> {
    const own = this.#world.name(name);
    const it = kind === 'bucket' ? own : `${await this.#value('common', [])}/${own}`;
    const replies: Reply[] = [];
    for (const step of steps) {
      const found = await this.#step(step, replies, it);
      if (found.length === 0) continue;
      const last = replies.at(-1) ?? { status: 0 };
      const answer = answerOf(exchangeOf(step), last);
      throw new StepFailure(`making ${name}: ${found.join('; ')}`, answer);
    }
    return this.#filledText(value, replies, it);
  }
}

/** A header, an element, or a field of what the SDK answered. */
function answered(reply: Reply | undefined, name: string): string {
  if (reply?.output !== undefined) return String(reply.output[name]);
  const header = reply?.raw && headerValue(reply.raw, name.toLowerCase());
  const text = header ?? textsAt(reply?.raw?.body.toString() ?? '', name)[0];
  if (text === undefined) throw new Error(`an earlier answer has no ${name}`);
  return text;
}
