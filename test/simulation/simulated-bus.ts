/**
 * The bus of a simulated process: what the bus on NATS is made of, on a simulated connection.
 *
 * Owns:          the wiring of calls, serving and what is local.
 * Knows:         the bus on NATS, whose parts these are: frames, windows, deadlines.
 * Must not know: what is said.
 */
import type {
  Address,
  Bus,
  NoAnswer,
  RequestOptions,
  Server,
  Subscription,
  Topic,
} from '../../bus/bus.ts';
import { DeadlineWheel } from '../../bus/deadline-wheel.ts';
import { isPart, readRequestFrame, SENDER_BYTES } from '../../bus/frame.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { NatsCalls } from '../../bus/nats-calls.ts';
import type { MessageLink, NatsMessage } from '../../bus/nats-client.ts';
import { NatsServing, type PeerClocks } from '../../bus/nats-serving.ts';
import { SendWindow } from '../../bus/send-window.ts';
import { ServiceCounters } from '../../bus/service-counters.ts';
import { TraceHeaders } from '../../bus/traceparent.ts';
import { CodecError } from '../../schemas/codec.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { WINDOW_BULK_BYTES, WINDOW_CONTROL_BYTES } from '../../schemas/limits.ts';
import type { Soon } from '../../schemas/soon.ts';
import { decodeMessage, encodeMessage, type Kinded } from '../../schemas/wire.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { Trace } from './trace.ts';

export type SimulatedBusOptions = {
  readonly process: SimulatedProcess;
  readonly link: MessageLink;
  readonly trace: Trace;
  /** By which deadlines are kept. */
  readonly peerClocks: PeerClocks;
  /** By which it is judged whether they are. */
  readonly honestClocks?: PeerClocks;
  readonly nameOf: (node: NodeId) => string;
  readonly onServerFailure: (subject: string, failure: unknown) => void;
  /** Told of each request that leaves the process. */
  readonly onRequest?: (kind: string) => void;
};

export class SimulatedBus implements Bus {
  readonly #options: SimulatedBusOptions;
  readonly #local: MemoryBus;
  readonly #serving: NatsServing;
  readonly #calls: NatsCalls;
  readonly #counters: ServiceCounters;
  readonly #windows = new Map<string, SendWindow>();
  readonly #heard = new Set<string>();
  readonly processNumber: number;
  /** The message that is being handed over. */
  #arriving: NatsMessage | undefined;

  constructor(options: SimulatedBusOptions) {
    this.#options = options;
    const { process, link, peerClocks, onServerFailure } = options;
    const { clock, timers, random } = process.environment;
    this.processNumber = random.bytes(SENDER_BYTES).readUIntBE(0, SENDER_BYTES);
    this.#local = new MemoryBus({ clock, timers, onServerFailure });
    this.#counters = new ServiceCounters([], clock);
    this.#serving = new NatsServing({ clock, timers, peerClocks, onServerFailure });
    this.#calls = new NatsCalls({
      ...{ link, clock, deadlines: new DeadlineWheel({ clock, timers }) },
      ...{ traces: new TraceHeaders(random), sender: this.processNumber },
      inbox: `_INBOX.${random.bytes(8).toString('hex')}`,
    });
  }

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: NoInfer<Request>,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer> {
    if (this.#local.serves(address.subject)) {
      return this.#noted(address, request, this.#local.request(address, request, options));
    }
    if (options.timeoutMs <= 0) return { kind: 'timed-out' };
    const window = this.#windowOf(address);
    this.#options.onRequest?.(request.kind);
    return this.#noted(address, request, this.#calls.request(address, request, [options, window]));
  }

  #noted<Request extends Kinded, Reply extends Kinded>(
    { node, subject }: Address<Request, Reply>,
    request: Request,
    reply: Soon<Reply | NoAnswer>,
  ): Soon<Reply | NoAnswer> {
    const { trace, process, nameOf } = this.#options;
    if (!trace.keepsLines || QUIET.has(request.kind)) return reply;
    const where = subject.split('.').slice(-2).join('.');
    const what = `${process.name} → ${nameOf(node)} ${where} ${textOf(request)}`;
    trace.detail(() => what);
    if (!(reply instanceof Promise)) {
      trace.detail(() => `  … at once ${textOf(reply)}`);
      return reply;
    }
    void reply.then(answer => {
      trace.detail(() => `${process.name} ← ${nameOf(node)} ${request.kind}: ${textOf(answer)}`);
    });
    return reply;
  }

  #windowOf({
    node,
    conversation,
  }: {
    node: NodeId;
    conversation: { traffic: 'control' | 'bulk' };
  }): SendWindow {
    const { traffic } = conversation;
    const name = `${node} ${traffic}`;
    const known = this.#windows.get(name);
    if (known !== undefined) return known;
    const bytes = traffic === 'bulk' ? WINDOW_BULK_BYTES : WINDOW_CONTROL_BYTES;
    const made = new SendWindow(bytes, this.#options.process.environment);
    this.#windows.set(name, made);
    return made;
  }

  serve<Request extends Kinded, const Reply extends Kinded>(
    address: Address<Request, Reply>,
    server: Server<NoInfer<Request>, NoInfer<Reply>>,
  ): Subscription {
    const here = this.#local.serve(address, server);
    const judged: typeof server = (request, context) => {
      this.#judgeDeadline(address.subject);
      return server(request, context);
    };
    const served = { address, server: judged, counters: this.#counters };
    const there = this.#serving.serve(this.#watchedLink(), served);
    return {
      close: () => {
        here.close();
        there.close();
      },
    };
  }

  #watchedLink(): MessageLink {
    const { link } = this.#options;
    const subscribe: MessageLink['subscribe'] = (subject, handle) =>
      link.subscribe(subject, message => {
        this.#arriving = message;
        handle(message);
        this.#arriving = undefined;
      });
    return { ...link, subscribe };
  }

  /** What comes too late is dropped: nobody hands it to a server. */
  #judgeDeadline(subject: string): void {
    const { honestClocks, process, onServerFailure } = this.#options;
    const arriving = this.#arriving;
    if (arriving === undefined || honestClocks === undefined || isPart(arriving.data)) return;
    const { sender, sentAtMs, remainingMs } = readRequestFrame(arriving.data).head;
    const sentHereMs = honestClocks.sentAtHere(sender, sentAtMs);
    if (sentHereMs === undefined) return;
    const lateMs = process.environment.clock.monotonicMs() - sentHereMs - remainingMs;
    if (lateMs < 0) return;
    onServerFailure(
      subject,
      new Error(`a request was carried out ${lateMs.toFixed()} ms too late`),
    );
  }

  publish<Event>(topic: Topic<Event>, event: NoInfer<Event>): void {
    this.#local.publish(topic, event);
    const message = encodeMessage(topic.event, event);
    const bytes = Buffer.allocUnsafe(message.length);
    message.copyInto(bytes, 0);
    this.#options.link.publish(topic.subject, bytes);
  }

  listen<Event>(topic: Topic<Event>, listener: (event: NoInfer<Event>) => void): Subscription {
    const here = this.#local.listen(topic, listener);
    if (!this.#heard.has(topic.subject)) {
      this.#heard.add(topic.subject);
      this.#options.link.subscribe(topic.subject, ({ data }) => {
        try {
          this.#local.publish(topic, decodeMessage(topic.event, data));
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
        }
      });
    }
    return here;
  }
}

/** They fill a history and tell nothing. */
const QUIET = new Set(['ping', 'digest-read', 'mark-recall', 'settings-digest']);
const SHOWN_CHARACTERS_MAX = 800;

function textOf(message: Kinded): string {
  const { kind, ...rest } = message;
  const text = JSON.stringify(rest, (_key, value: unknown) => shown(value));
  return `${kind} ${text.slice(0, SHOWN_CHARACTERS_MAX)}`;
}

function shown(value: unknown): unknown {
  if (typeof value === 'string' && value.length > 40) return `${value.slice(0, 36)}…`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const isJson = typeof value === 'object' && value !== null && 'type' in value;
  if (isJson && value.type === 'Buffer') return 'bytes';
  return value;
}
