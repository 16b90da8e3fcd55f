/**
 * The bus between processes: the port on NATS.
 *
 * Owns:          which connection carries what.
 * Knows:         its parts: connections, calls, serving, the micro services.
 * Must not know: what is said.
 *
 *   control    one connection: small messages, events, the micro services
 *   blocks     one connection on which requests for blocks arrive, once some are served
 *   to a node  one connection for the blocks of each node that is asked for some
 *
 * What this very process serves is called in process, as on the memory bus, and goes on when all
 * nats-servers are away. `bulk_urls` names nats-servers that carry blocks only.
 */
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { BUS_DRAIN_MS, WINDOW_BULK_BYTES, WINDOW_CONTROL_BYTES } from '../schemas/limits.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { Codec, Kinded } from '../schemas/wire.ts';
import { decodeMessage, encodeMessage } from '../schemas/wire.ts';
import { CodecError } from '../schemas/codec.ts';
import { BulkConnections, type BulkConnection } from './bulk-connections.ts';
import type {
  Address,
  Bus,
  NoAnswer,
  RequestOptions,
  Server,
  Subject,
  Subscription,
  Topic,
} from './bus.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import { SENDER_BYTES } from './frame.ts';
import { MemoryBus } from './memory-bus.ts';
import { MicroServices, type MicroService } from './micro-services.ts';
import { NatsCalls } from './nats-calls.ts';
import { NatsClient, publicKeyOf, type NatsAccess } from './nats-client.ts';
import { NatsServing, type PeerClocks } from './nats-serving.ts';
import { SendWindow } from './send-window.ts';
import { ServedAddresses } from './served-addresses.ts';
import { TraceHeaders } from './traceparent.ts';

export type NatsBusOptions = {
  readonly environment: Environment;
  readonly log: Log;
  readonly access: NatsAccess;
  /** Nats-servers for blocks alone; none: those of `access`. */
  readonly bulkUrls?: readonly string[];
  /** As operators see this process: `garage storage 0123abcd`. */
  readonly name: string;
  /** Semantic version of the program. */
  readonly version: string;
  /** Shown with every micro service; asked for each time. */
  readonly metadata: () => Readonly<Record<string, string>>;
  /** A server or a listener threw: a bug, never an answer. */
  readonly onServerFailure: (subject: Subject, failure: unknown) => void;
  /** The control connection came or went. */
  readonly onConnection?: (state: 'connected' | 'disconnected') => void;
  /** Without them a deadline counts from a request's arrival. */
  readonly peerClocks?: PeerClocks;
};

type Link = { readonly client: NatsClient; readonly calls: NatsCalls };

/** A connection to a node's blocks that is not made within this is as good as lost. */
const BULK_OPEN_MS = 2000;
const INBOX_BYTES = 12;

export class NatsBus implements Bus {
  readonly #options: NatsBusOptions;
  readonly #deadlines: DeadlineWheel;
  readonly #traces: TraceHeaders;
  /** What is served in this process. */
  readonly #local: MemoryBus;
  readonly #served: ServedAddresses;
  readonly #serving: NatsServing;
  readonly #services: MicroServices;
  readonly #serviceNames = new Set<string>();
  /** One for each start of each process: no answer to an earlier one can be taken for ours. */
  readonly #inbox: string;
  /** By which other processes know this one. */
  readonly processNumber: number;
  readonly #control: Link;
  readonly #windows = new Map<NodeId, SendWindow>();
  readonly #bulk: BulkConnections<BulkLink>;
  #bulkServing: NatsClient | undefined;
  readonly #heard = new Map<Subject, { listeners: number; subscription: Subscription }>();
  #linkCount = 0;
  #isClosed = false;

  constructor(options: NatsBusOptions) {
    this.#options = options;
    const { environment, access, onServerFailure } = options;
    const { clock, timers, random } = environment;
    this.#inbox = `_INBOX.${[publicKeyOf(access.login), random.bytes(INBOX_BYTES).toString('hex')]
      .filter(token => token !== undefined)
      .join('.')}`;
    this.processNumber = random.bytes(SENDER_BYTES).readUIntBE(0, SENDER_BYTES);
    this.#deadlines = new DeadlineWheel(environment);
    this.#traces = new TraceHeaders(random);
    this.#local = new MemoryBus({ clock, timers, onServerFailure });
    this.#served = new ServedAddresses(clock);
    const peerClocks = options.peerClocks ?? { sentAtHere: () => undefined };
    this.#serving = new NatsServing({ clock, timers, peerClocks, onServerFailure });
    this.#control = this.#makeLink('control', access.urls, state => options.onConnection?.(state));
    const { version, metadata } = options;
    const { client } = this.#control;
    this.#services = new MicroServices({ client, environment, version, metadata });
    const open = (node: NodeId): BulkLink => this.#openBulkLink(node);
    this.#bulk = new BulkConnections({ clock, timers, open });
  }

  /** The control connection is there. */
  get isConnected(): boolean {
    return this.#control.client.isConnected;
  }

  /** The nats-server of the control connection, `host:port`. */
  get server(): string | undefined {
    return this.#control.client.server;
  }

  // ---- connections --------------------------------------------------------------------------

  #makeClient(
    purpose: string,
    urls: readonly string[],
    calls: () => NatsCalls | undefined,
    changed: (state: 'connected' | 'disconnected') => void = () => undefined,
  ): NatsClient {
    const { environment, log, access, name } = this.#options;
    return new NatsClient({
      ...{ environment, log, name: `${name} ${purpose}`, access: { ...access, urls } },
      changed: state => {
        if (state === 'connected') calls()?.connected();
        else calls()?.disconnected();
        changed(state);
      },
      refused: subject => calls()?.refused(subject),
    });
  }

  #makeLink(
    purpose: string,
    urls: readonly string[],
    changed?: (state: 'connected' | 'disconnected') => void,
  ): Link {
    const made: { calls?: NatsCalls } = {};
    const client = this.#makeClient(purpose, urls, () => made.calls, changed);
    this.#linkCount += 1;
    made.calls = new NatsCalls({
      ...{ link: client, inbox: `${this.#inbox}.${String(this.#linkCount)}` },
      ...{ clock: this.#options.environment.clock, deadlines: this.#deadlines },
      ...{ traces: this.#traces, sender: this.processNumber },
    });
    return { client, calls: made.calls };
  }

  get #bulkUrls(): readonly string[] {
    const { bulkUrls = [], access } = this.#options;
    return bulkUrls.length > 0 ? bulkUrls : access.urls;
  }

  #openBulkLink(node: NodeId): BulkLink {
    const link = this.#makeLink(`blocks of ${node.slice(0, 8)}`, this.#bulkUrls);
    const { environment } = this.#options;
    return new BulkLink(link, environment, new SendWindow(WINDOW_BULK_BYTES, environment));
  }

  #windowOf(node: NodeId): SendWindow {
    const known = this.#windows.get(node);
    if (known !== undefined) return known;
    const made = new SendWindow(WINDOW_CONTROL_BYTES, this.#options.environment);
    this.#windows.set(node, made);
    return made;
  }

  // ---- asking -------------------------------------------------------------------------------

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: NoInfer<Request>,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer> {
    if (this.#local.serves(address.subject)) return this.#local.request(address, request, options);
    if (this.#isClosed) return { kind: 'disconnected' };
    if (options.timeoutMs <= 0) return { kind: 'timed-out' };
    if (address.conversation.traffic === 'bulk') {
      const link = this.#bulk.for(address.node);
      if (!link.mayBeUsed) return { kind: 'disconnected' };
      return link.calls.request(address, request, [options, link.window]);
    }
    const { client, calls } = this.#control;
    if (!client.isConnected) return { kind: 'disconnected' };
    return calls.request(address, request, [options, this.#windowOf(address.node)]);
  }

  // ---- serving ------------------------------------------------------------------------------

  serve<Request extends Kinded, const Reply extends Kinded>(
    address: Address<Request, Reply>,
    server: Server<NoInfer<Request>, NoInfer<Reply>>,
  ): Subscription {
    const counters = this.#served.add(address);
    this.#showService(address.conversation.name);
    const counted = counters.counted<Request, Reply>(server);
    const here = this.#local.serve(address, counted);
    const client =
      address.conversation.traffic === 'bulk' ? this.#bulkServer() : this.#control.client;
    const there = this.#serving.serve(client, { address, server: counted, counters });
    return {
      close: () => {
        here.close();
        there.close();
        this.#served.remove(address as unknown as Address<never, never>);
      },
    };
  }

  #bulkServer(): NatsClient {
    this.#bulkServing ??= this.#makeClient('blocks', this.#bulkUrls, () => undefined);
    return this.#bulkServing;
  }

  #showService(name: string): void {
    if (this.#serviceNames.has(name)) return;
    const endpoints = (): ReturnType<ServedAddresses['endpoints']> => this.#served.endpoints(name);
    this.showService({ name, description: `Garage ${name}`, endpoints });
  }

  /** Among the micro services; what is served on the bus is there by itself. */
  showService(service: MicroService): Subscription {
    this.#serviceNames.add(service.name);
    return this.#services.add(service);
  }

  // ---- events -------------------------------------------------------------------------------

  publish<Event>(topic: Topic<Event>, event: NoInfer<Event>): void {
    this.#local.publish(topic, event);
    if (this.#isClosed) return;
    const message = encodeMessage(topic.event, event);
    const bytes = Buffer.allocUnsafe(message.length);
    message.copyInto(bytes, 0);
    this.#control.client.publish(topic.subject, bytes);
  }

  /** The nats-server does not send back what this process published: it heard that already. */
  listen<Event>(topic: Topic<Event>, listener: (event: NoInfer<Event>) => void): Subscription {
    const here = this.#local.listen(topic, listener);
    const heard = this.#heard.get(topic.subject) ?? this.#hear(topic);
    heard.listeners += 1;
    let isOpen = true;
    return {
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        here.close();
        heard.listeners -= 1;
        if (heard.listeners > 0) return;
        heard.subscription.close();
        this.#heard.delete(topic.subject);
      },
    };
  }

  #hear<Event>(topic: Topic<Event>): { listeners: number; subscription: Subscription } {
    const subscription = this.#control.client.subscribe(topic.subject, ({ data }) => {
      const event = eventIn(topic.event, data);
      if (event !== undefined) this.#local.publish(topic, event.value);
    });
    const heard = { listeners: 0, subscription };
    this.#heard.set(topic.subject, heard);
    return heard;
  }

  // ---- the end ------------------------------------------------------------------------------

  /** Takes nothing more, answers what was taken on, and leaves; what is served in this process goes
   *  on being called within it. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const clients = [this.#control.client, ...(this.#bulkServing ? [this.#bulkServing] : [])];
    const drained = async (): Promise<void> => {
      await Promise.all(clients.map(client => client.drain()));
      await this.#serving.whenIdle();
      await Promise.all(clients.map(client => client.flush()));
    };
    await this.#atMost(BUS_DRAIN_MS, drained());
    await Promise.all([...clients.map(client => client.close()), this.#bulk.closeAll()]);
  }

  async #atMost(ms: number, work: Promise<void>): Promise<void> {
    await new Promise<void>(resolve => {
      const late = this.#options.environment.timers.after(ms, resolve);
      void work.then(() => {
        late.cancel();
        resolve();
      });
    });
  }
}

/** undefined: it is not understood, and may be passed over like one that was lost. */
function eventIn<Event>(codec: Codec<Event>, data: Buffer): { value: Event } | undefined {
  try {
    return { value: decodeMessage(codec, data) };
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

class BulkLink implements BulkConnection {
  readonly #client: NatsClient;
  readonly calls: NatsCalls;
  readonly window: SendWindow;
  #isOpening = true;

  constructor({ client, calls }: Link, { timers }: Environment, window: SendWindow) {
    this.#client = client;
    this.calls = calls;
    this.window = window;
    timers.after(BULK_OPEN_MS, () => {
      this.#isOpening = false;
      if (!client.isConnected) calls.disconnected();
    });
  }

  /** It is there, or is just being made: calls wait for it then. */
  get mayBeUsed(): boolean {
    return this.#client.isConnected || this.#isOpening;
  }

  get isIdle(): boolean {
    return this.window.isIdle;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
