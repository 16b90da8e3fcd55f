/**
 * One connection to the nats-servers of a site, for as long as the process lives.
 *
 * Owns:          connecting and reconnecting; what was subscribed; what was sent and not confirmed.
 * Knows:         the NATS client library, of which it is the only importer.
 * Must not know: frames, calls, what is said.
 *
 * It never gives up, and never throws at who publishes: away, a message is not sent, and not kept
 * for later either, when nobody waits for it any more. Beyond a bound of what the nats-server has
 * not confirmed nothing is sent: neither the library nor a socket refuses, they only grow.
 *
 * Sources: the NATS client protocol; ADR-40 (connecting).
 */
import type {
  Msg,
  MsgHdrs,
  NatsConnection,
  NodeConnectionOptions,
  Server,
  Subscription as NatsSubscription,
} from '@nats-io/transport-node';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  PermissionViolationError,
} from '@nats-io/transport-node';
import type { Environment, Timer } from '../schemas/environment.ts';
import { UNCONFIRMED_BUSY_BYTES, UNCONFIRMED_BYTES_MAX } from '../schemas/limits.ts';
import type { Log } from '../schemas/telemetry.ts';
import { bytesOf } from '../schemas/wire.ts';
import type { Subscription } from './bus.ts';
import { connect, sendScattered } from './nats-transport.ts';

/** Who a process is to the nats-servers. */
export type NatsLogin =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** The seed of an nkey, or a credentials file with a JWT and its seed: the text as it is. */
  | { readonly kind: 'credentials'; readonly text: string };

export type NatsAccess = {
  readonly urls: readonly string[];
  readonly login: NatsLogin;
  /** PEM texts; with any of them, or a `tls:` address, nothing travels in the clear. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
};

/** What the library received; most is only made when it is asked for. */
export class NatsMessage {
  readonly #message: Msg;
  /** A view, perhaps of a larger buffer. */
  readonly data: Buffer;

  constructor(message: Msg) {
    this.#message = message;
    const { data } = message;
    this.data = Buffer.isBuffer(data)
      ? data
      : Buffer.from(data.buffer, data.byteOffset, data.length);
  }

  get subject(): string {
    return this.#message.subject;
  }

  /** Where an answer goes; empty: nobody waits for one. */
  get reply(): string {
    return this.#message.reply ?? '';
  }

  /** The nats-server says that nobody listens where this process asked. */
  get isNoResponders(): boolean {
    return this.data.length === 0 && this.#message.headers?.code === NO_RESPONDERS;
  }

  header(name: string): string | undefined {
    return this.#message.headers?.get(name);
  }
}

/** What goes with a message that wants an answer. */
export class NatsQuestion {
  /** Where the answer goes. */
  readonly reply: string;
  /** The library asks nothing of headers but their bytes: these are ready. */
  readonly headers: MsgHdrs;
  /** The headers, as they stand before the data. */
  readonly block: Uint8Array;

  constructor(reply: string, block: Uint8Array) {
    this.reply = reply;
    this.block = block;
    this.headers = new ReadyHeaders(block) as unknown as MsgHdrs;
  }
}

class ReadyHeaders {
  readonly #block: Uint8Array;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  encode(): Uint8Array {
    return this.#block;
  }
}

export type NatsClientOptions = {
  /** As `nats server report connections` shows it. */
  readonly name: string;
  readonly access: NatsAccess;
  readonly environment: Environment;
  readonly log: Log;
  /** The connection was made (again), or was lost. */
  readonly changed: (state: 'connected' | 'disconnected') => void;
  /** The nats-server refused what was published there. */
  readonly refused: (subject: string) => void;
};

type Subscribed = { readonly subject: string; readonly handle: (message: NatsMessage) => void };

/** `away`: there is no connection. `full`: the nats-server does not take what it was given. */
export type Published = 'sent' | 'away' | 'full';

const CONNECT_TIMEOUT_MS = 5000;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 2000;
/** A nats-server that stands still is left after four seconds: it may itself make a sender wait for
 *  its `write_deadline`, which must not be taken for that. */
const PING_INTERVAL_MS = 1000;
const PINGS_UNANSWERED_MAX = 3;
const CONFIRM_EACH_BYTES = 256 * 1024;
const NO_RESPONDERS = 503;
const SEED = /\bSU[A-Z2-7]{56}\b/;

/** What calls and serving need of a connection. */
export interface MessageLink {
  readonly isConnected: boolean;
  /** The nats-server is behind with what it was given. */
  readonly isBusy: boolean;
  /** The largest message that the nats-server takes, header and all. */
  readonly messageBytesMax: number;
  /** Holds over reconnections. `handle` is called in the order of arrival. */
  subscribe(subject: string, handle: (message: NatsMessage) => void): Subscription;
  /** `data` may be used again once something came back, not before. */
  publish(subject: string, data: Uint8Array, question?: NatsQuestion): Published;
  /** The pieces are sent from where they lie. */
  publishInPlace(subject: string, pieces: readonly Uint8Array[], sending: Sending): Published;
}

/** What goes with a message in pieces. */
export type Sending = {
  readonly question?: NatsQuestion | undefined;
  /** Nobody reads the pieces any more. Called once, if the message is `sent` and only then. */
  readonly written: () => void;
};

export class NatsClient implements MessageLink {
  readonly #options: NatsClientOptions;
  readonly #subscribed = new Map<Subscribed, NatsSubscription | undefined>();
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #isClosed = false;
  #attempts = 0;
  #isSaidAway = false;
  /** `host:port` of the nats-server that we are connected to, or that was lost just now. */
  #lastServer: string | undefined;
  #retry: Timer | undefined;
  #unconfirmedBytes = 0;
  #unaskedBytes = 0;

  constructor(options: NatsClientOptions) {
    this.#options = options;
    void this.#connect();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The nats-server at the other end, `host:port`. */
  get server(): string | undefined {
    return this.#isConnected ? this.#connection?.getServer() : undefined;
  }

  get messageBytesMax(): number {
    return this.#connection?.info?.max_payload ?? 0;
  }

  get isBusy(): boolean {
    return this.#unconfirmedBytes > UNCONFIRMED_BUSY_BYTES;
  }

  // ---- connecting ---------------------------------------------------------------------------

  /** The library reconnects by itself, but only once it was connected; until then, and should it
   *  ever end for good, this goes on. */
  async #connect(): Promise<void> {
    try {
      const connection = await connect(this.#connectionOptions());
      // Closed in between: the library offers no way to call an attempt off.
      if (this.#isClosed) await connection.close();
      else this.#begin(connection);
    } catch (error) {
      if (this.#isClosed) return;
      const delayMs = this.#backoffMs();
      this.#sayAway(error);
      this.#retry = this.#options.environment.timers.after(delayMs, () => void this.#connect());
    }
  }

  /** Once, not for each attempt. */
  #sayAway(error: unknown): void {
    if (this.#isSaidAway) return;
    this.#isSaidAway = true;
    const { log, name, access } = this.#options;
    log.warn(
      { connection: name, urls: access.urls, error },
      'no nats-server can be reached; trying on',
    );
  }

  #connectionOptions(): NodeConnectionOptions {
    const { access, name } = this.#options;
    return {
      ...{ servers: [...access.urls], noRandomize: true, name, timeout: CONNECT_TIMEOUT_MS },
      noEcho: true,
      ...{ maxReconnectAttempts: -1, ignoreAuthErrorAbort: true, noAsyncTraces: true },
      ...{ pingInterval: PING_INTERVAL_MS, maxPingOut: PINGS_UNANSWERED_MAX },
      reconnectDelayHandler: () => this.#backoffMs(),
      reconnectToServer: servers => this.#otherThanLost(servers),
      ...loginOptions(access.login),
      ...tlsOptions(access),
    };
  }

  /** Longer each time, and never the same for two processes that lost the same server. */
  #backoffMs(): number {
    const ms = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.#attempts, 10));
    this.#attempts += 1;
    return ms * (0.5 + this.#options.environment.random.fraction());
  }

  /** The library tries the one that was lost first; one that stands still would cost a time-out. */
  #otherThanLost(servers: readonly Server[]): Server | null {
    const lost = this.#lastServer;
    this.#lastServer = undefined;
    return lost === undefined ? null : (servers.find(server => server.listen !== lost) ?? null);
  }

  #begin(connection: NatsConnection): void {
    this.#connection = connection;
    for (const subscribed of this.#subscribed.keys()) {
      this.#subscribed.set(subscribed, subscribeTo(connection, subscribed));
    }
    this.#became('connected');
    void this.#follow(connection);
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#became('disconnected');
      else if (status.type === 'reconnect') this.#became('connected');
      else if (status.type === 'error') this.#hearError(status.error);
    }
    this.#became('disconnected');
    if (this.#isClosed) return;
    this.#connection = undefined;
    void this.#connect();
  }

  #became(state: 'connected' | 'disconnected'): void {
    const isConnected = state === 'connected';
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    this.#unconfirmedBytes = 0;
    this.#unaskedBytes = 0;
    const { log, name, changed } = this.#options;
    if (isConnected) {
      this.#attempts = 0;
      this.#isSaidAway = false;
      this.#lastServer = this.server;
      log.info({ connection: name, server: this.server }, 'connected to a nats-server');
    } else if (!this.#isClosed) {
      log.warn({ connection: name }, 'lost the nats-server');
    }
    changed(state);
  }

  #hearError(error: Error): void {
    const { log, name, refused } = this.#options;
    if (error instanceof PermissionViolationError && error.operation === 'publish') {
      refused(error.subject);
    }
    log.warn({ connection: name, error }, 'the nats-server refused something');
  }

  // ---- messages -----------------------------------------------------------------------------

  subscribe(subject: string, handle: (message: NatsMessage) => void): Subscription {
    const subscribed = { subject, handle: this.#guarded(subject, handle) };
    const connection = this.#isClosed ? undefined : this.#connection;
    this.#subscribed.set(subscribed, connection && subscribeTo(connection, subscribed));
    return {
      close: () => {
        this.#subscribed.get(subscribed)?.unsubscribe();
        this.#subscribed.delete(subscribed);
      },
    };
  }

  /** What is thrown into the library ends its reading of the connection. */
  #guarded(subject: string, handle: (message: NatsMessage) => void): Subscribed['handle'] {
    return message => {
      try {
        handle(message);
      } catch (error) {
        this.#options.log.error({ subject, error }, 'a message could not be handled');
      }
    };
  }

  publish(subject: string, data: Uint8Array, question?: NatsQuestion): Published {
    const connection = this.#connection;
    if (connection === undefined || !this.#isConnected) return 'away';
    if (this.#unconfirmedBytes + data.length > UNCONFIRMED_BYTES_MAX) return 'full';
    try {
      connection.publish(subject, data, question);
    } catch (error) {
      this.#options.log.error({ subject, error }, 'a message could not be sent');
      return 'away';
    }
    this.#countSent(connection, data.length);
    return 'sent';
  }

  publishInPlace(
    subject: string,
    pieces: readonly Uint8Array[],
    { question, written }: Sending,
  ): Published {
    const connection = this.#connection;
    if (connection === undefined || !this.#isConnected) return 'away';
    const bytes = bytesOf(pieces);
    if (this.#unconfirmedBytes + bytes > UNCONFIRMED_BYTES_MAX) return 'full';
    const { reply, block: headers } = question ?? {};
    const sent = sendScattered(connection, { subject, pieces, bytes, reply, headers, written });
    if (sent === 'sent') this.#countSent(connection, bytes);
    return sent;
  }

  /** Pings now and then: what comes back confirms everything that was sent before. */
  #countSent(connection: NatsConnection, bytes: number): void {
    this.#unconfirmedBytes += bytes;
    this.#unaskedBytes += bytes;
    if (this.#unaskedBytes < CONFIRM_EACH_BYTES) return;
    const asked = this.#unaskedBytes;
    this.#unaskedBytes = 0;
    connection.flush().then(
      () => {
        this.#unconfirmedBytes = Math.max(0, this.#unconfirmedBytes - asked);
      },
      // Disconnected: the count began anew.
      () => undefined,
    );
  }

  /** Until the nats-server has everything that was sent; at once when it is away. */
  async flush(): Promise<void> {
    if (!this.#isConnected) return;
    await this.#connection?.flush().catch(() => undefined);
  }

  /** Lets nothing more come, but for what is on its way already. */
  async drain(): Promise<void> {
    const drained = [...this.#subscribed.values()].map(async live => live?.drain());
    this.#subscribed.clear();
    // What is disconnected has nothing on its way.
    await Promise.allSettled(drained);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#connection?.close();
    this.#became('disconnected');
  }
}

function subscribeTo(
  connection: NatsConnection,
  { subject, handle }: Subscribed,
): NatsSubscription {
  return connection.subscribe(subject, {
    callback: (error, message) => {
      // A refused subscription is told to the status too, where it is logged.
      if (error === null) handle(new NatsMessage(message));
    },
  });
}

function loginOptions(login: NatsLogin): NodeConnectionOptions {
  if (login.kind === 'password') return { user: login.user, pass: login.password };
  const text = new TextEncoder().encode(login.text);
  const hasJwt = login.text.includes('NATS USER JWT');
  return { authenticator: hasJwt ? credsAuthenticator(text) : nkeyAuthenticator(seedOf(login)) };
}

function seedOf({ text }: { readonly text: string }): Uint8Array {
  const seed = SEED.exec(text)?.[0];
  if (seed === undefined) throw new NatsCredentialsError();
  return new TextEncoder().encode(seed);
}

export class NatsCredentialsError extends Error {
  override readonly name = 'NatsCredentialsError';

  constructor() {
    super('the credentials hold no seed of a user (SU…)');
  }
}

/** `U…` of a login with a key of its own. Throws NatsCredentialsError. */
export function publicKeyOf(login: NatsLogin): string | undefined {
  if (login.kind === 'password') return undefined;
  try {
    return nkeys.fromSeed(seedOf(login)).getPublicKey();
  } catch {
    throw new NatsCredentialsError();
  }
}

function tlsOptions({ tls, urls }: NatsAccess): NodeConnectionOptions {
  const isWanted = tls !== undefined || urls.some(url => url.startsWith('tls:'));
  return isWanted ? { tls: { ...tls } } : {};
}
