/**
 * A real browser without a window, driven over its own protocol.
 *
 * Owns:          starting Chromium with a profile of its own, one page, what the page received.
 * Knows:         the Chrome DevTools Protocol over a pipe.
 * Must not know: what is visited.
 *
 * The pipe needs no port and no WebSocket: messages are JSON, each ended by a zero byte.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { isOnPath } from '../support/programs.ts';
import type { SystemPackage } from '../support/system-packages.ts';
import type { ClientWorld } from './client-world.ts';
import { outputOf } from './service.ts';

const WAIT_MS_MAX = 60_000;
/** So long a browser has to end by itself. */
const END_MS_MAX = 10_000;
const HEADLESS_SHELL = 'chromium-headless-shell';
/** Any of these will do; the first is the smallest. */
const BROWSERS = [HEADLESS_SHELL, 'chromium', 'google-chrome'];

/** A browser that is there already is taken. */
export function browserPackages(): readonly SystemPackage[] {
  if (BROWSERS.some(isOnPath)) return [];
  return [{ package: HEADLESS_SHELL, program: HEADLESS_SHELL }];
}

/** The document that a page shows. */
export type Arrival = { readonly status: number; readonly url: string };

/** One answer from the network. */
export type Received = { readonly url: string; readonly status: number };

type Fields = Readonly<Record<string, unknown>>;

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
};

type Pending = { resolve(result: Fields): void; reject(error: Error): void };

/** Requests to the browser, and its events. */
class DevTools {
  readonly #commands: Writable;
  readonly #pending = new Map<number, Pending>();
  readonly #onEvent: (method: string, params: Fields) => void;
  #lastId = 0;
  #rest = '';

  constructor(child: ChildProcess, onEvent: (method: string, params: Fields) => void) {
    this.#commands = child.stdio[3] as Writable;
    this.#onEvent = onEvent;
    const answers = child.stdio[4] as Readable;
    answers.setEncoding('utf8');
    answers.on('data', (text: string) => {
      const [rest = '', ...messages] = (this.#rest + text).split('\0').reverse();
      this.#rest = rest;
      for (const message of messages.reverse()) this.#receive(JSON.parse(message) as Message);
    });
    const lost = (): void => {
      for (const { reject } of this.#pending.values()) reject(new Error('the browser ended'));
      this.#pending.clear();
    };
    child.once('exit', lost);
    child.once('error', lost);
    // What cannot be written is told by the end of the process.
    this.#commands.on('error', () => undefined);
  }

  send(method: string, params: Fields, sessionId?: string): Promise<Fields> {
    this.#lastId += 1;
    const id = this.#lastId;
    const session = sessionId === undefined ? {} : { sessionId };
    const answer = new Promise<Fields>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    this.#commands.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return inTime(answer, `the browser did not answer ${method}`);
  }

  #receive({ id, method, params = {}, result = {}, error }: Message): void {
    if (method !== undefined) this.#onEvent(method, params);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || pending === undefined) return;
    this.#pending.delete(id);
    if (error === undefined) pending.resolve(result);
    else pending.reject(new Error(error.message));
  }
}

/** One page of a browser. */
export class BrowserPage {
  readonly #devTools: DevTools;
  readonly #session: string;
  readonly #events: PageEvents;

  constructor(devTools: DevTools, session: string, events: PageEvents) {
    this.#devTools = devTools;
    this.#session = session;
    this.#events = events;
  }

  /** What came from the network so far; redirects and preflights are among it. */
  get received(): readonly Received[] {
    return this.#events.received;
  }

  /** Goes to an address, as if it had been typed. */
  open(url: string): Promise<Arrival> {
    return this.#arriveAfter(async () => {
      const { errorText } = await this.#send('Page.navigate', { url });
      if (typeof errorText === 'string') throw new Error(`${url}: ${errorText}`);
    });
  }

  reload(): Promise<Arrival> {
    return this.#arriveAfter(() => this.#send('Page.reload', {}));
  }

  /** Evaluates what leads to another page: a click on a link, the sending of a form. */
  follow(expression: string): Promise<Arrival> {
    return this.#arriveAfter(() => this.evaluate(`void (${expression})`));
  }

  /** The value of a JavaScript expression; promises are waited for. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { awaitPromise: true, returnByValue: true, userGesture: true };
    const answer = await this.#send('Runtime.evaluate', { expression, ...options });
    const details = answer['exceptionDetails'] as ExceptionDetails | undefined;
    if (details !== undefined) {
      throw new Error(details.exception?.description ?? details.text);
    }
    return (answer['result'] as { readonly value?: unknown }).value;
  }

  /** Chooses a file for an `<input type="file">`, as a user would. */
  async chooseFile(selector: string, path: string): Promise<void> {
    const expression = `document.querySelector(${JSON.stringify(selector)})`;
    const { result } = await this.#send('Runtime.evaluate', { expression });
    const { objectId } = result as { readonly objectId?: string };
    await this.#send('DOM.setFileInputFiles', { files: [path], objectId });
  }

  async #arriveAfter(leave: () => Promise<unknown>): Promise<Arrival> {
    const arrival = this.#events.nextArrival();
    await leave();
    return inTime(arrival, 'no page arrived');
  }

  #send(method: string, params: Fields): Promise<Fields> {
    return this.#devTools.send(method, params, this.#session);
  }
}

type ExceptionDetails = {
  readonly text: string;
  readonly exception?: { readonly description?: string };
};

type ResponseReceived = {
  readonly type: string;
  readonly loaderId: string;
  readonly frameId?: string;
  readonly response: { readonly status: number; readonly url: string };
};

/** Makes sense of the events of a page. */
class PageEvents {
  readonly received: Received[] = [];
  readonly #addresses = new Map<string, string>();
  /** Documents that are there and not loaded to the end, by their loader. */
  readonly #documents = new Map<string, Arrival>();
  #arrive: (arrival: Arrival) => void = () => undefined;
  mainFrame = '';

  nextArrival(): Promise<Arrival> {
    return new Promise(resolve => {
      this.#arrive = resolve;
    });
  }

  onEvent(method: string, params: Fields): void {
    if (method === 'Network.requestWillBeSent') {
      const { url } = params['request'] as { readonly url: string };
      this.#addresses.set(String(params['requestId']), url);
    } else if (method === 'Network.responseReceivedExtraInfo') {
      // The status that was sent: a page is told 200 where a 304 let the browser take its own copy.
      const url = this.#addresses.get(String(params['requestId'])) ?? '';
      this.received.push({ url, status: Number(params['statusCode']) });
    } else if (method === 'Network.responseReceived') {
      const { type, loaderId, frameId, response } = params as ResponseReceived;
      if (type !== 'Document' || frameId !== this.mainFrame) return;
      this.#documents.set(loaderId, { status: response.status, url: response.url });
    } else if (method === 'Page.lifecycleEvent' && params['name'] === 'load') {
      const arrival = this.#documents.get(String(params['loaderId']));
      this.#documents.delete(String(params['loaderId']));
      if (arrival !== undefined) this.#arrive(arrival);
    }
  }
}

/** Runs a browser with one empty page while `use` runs; nothing of an earlier one is in it. */
export async function withPage<T>(
  world: ClientWorld,
  use: (page: BrowserPage) => Promise<T>,
): Promise<T> {
  const profile = await mkdtemp(join(world.directory, 'browser-'));
  const child = spawn(BROWSERS.find(isOnPath) ?? HEADLESS_SHELL, optionsFor(profile), {
    ...{ cwd: profile, env: { ...world.env, HOME: profile } },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const said = outputOf(child);
  const events = new PageEvents();
  const devTools = new DevTools(child, (method, params) => {
    events.onEvent(method, params);
  });
  // Which closes once nobody holds the other ends of its pipes.
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  try {
    return await use(await firstPage(devTools, events));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (child.exitCode === null && child.signalCode === null) throw error;
    throw new Error(`${reason}\nthe browser wrote:\n${said()}`, { cause: error });
  } finally {
    await endBrowser(child, devTools, closed);
  }
}

/**
 * A browser is many processes, and the one that was started may be a script that only waits: it is
 * asked to close, and ended as a group if it does not.
 */
async function endBrowser(
  child: ChildProcess,
  devTools: DevTools,
  closed: Promise<unknown>,
): Promise<void> {
  if (child.pid === undefined) return;
  const group = -child.pid;
  const force = setTimeout(() => process.kill(group, 'SIGKILL'), END_MS_MAX);
  // Its answer may be lost in its end.
  void devTools.send('Browser.close', {}).catch(() => undefined);
  await closed;
  clearTimeout(force);
}

function optionsFor(profile: string): readonly string[] {
  return [
    ...['--remote-debugging-pipe', '--headless=new', `--user-data-dir=${profile}`],
    ...['--no-first-run', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    // Root has no sandbox; everybody else keeps it.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    'about:blank',
  ];
}

async function firstPage(devTools: DevTools, events: PageEvents): Promise<BrowserPage> {
  const { targetId } = await devTools.send('Target.createTarget', { url: 'about:blank' });
  events.mainFrame = String(targetId);
  const attached = await devTools.send('Target.attachToTarget', { targetId, flatten: true });
  const session = String(attached['sessionId']);
  for (const domain of ['Page', 'Network', 'Runtime', 'DOM']) {
    await devTools.send(`${domain}.enable`, {}, session);
  }
  await devTools.send('Page.setLifecycleEventsEnabled', { enabled: true }, session);
  return new BrowserPage(devTools, session, events);
}

/** Rejects with the sentence when it takes too long. */
async function inTime<T>(promise: Promise<T>, sentence: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(sentence));
    }, WAIT_MS_MAX);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
