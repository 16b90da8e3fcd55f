/**
 * A small HTTP/1.1 client on a bare socket, for tests that care about bytes.
 *
 * Owns:          one connection at a time; sending in pieces; cutting replies out of the stream.
 * Knows:         how a reply's length is found (RFC 9112 6.3).
 * Must not know: what is tested.
 *
 * It never repairs anything: what is sent is what was given, and a reply that ends too early is
 * handed over with `isComplete: false`.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What a test may wait for one reply before it fails. */
const REPLY_TIMEOUT_MS = 20_000;
/** Long enough for the server to read one piece before the next one is sent. */
const PIECE_PAUSE_MS = 4;
const HEAD_END = Buffer.from('\r\n\r\n');

export type RawReply = {
  readonly status: number;
  readonly reason: string;
  /** In the order sent, names lower-cased. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** False when the connection ended before the announced length. */
  readonly isComplete: boolean;
};

export type RawTarget =
  { readonly port: number; readonly host?: string } | { readonly path: string };

export type ReadOptions = {
  /** Of the request this answers; a reply to HEAD has no body. */
  readonly method?: string;
  readonly timeoutMs?: number;
};

/** The values of one header of a reply. */
export function headerValues(reply: RawReply, name: string): string[] {
  return reply.headers.filter(([candidate]) => candidate === name).map(([, value]) => value);
}

/** The value of a header that must be there at most once. */
export function headerValue(reply: RawReply, name: string): string | undefined {
  const values = headerValues(reply, name);
  if (values.length > 1) throw new Error(`${name} was sent ${String(values.length)} times`);
  return values[0];
}

/** The bytes of a request head; strings are sent as latin1, so `\xe9` is one byte. */
export function requestHead(
  line: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
): string {
  const lines = [['Host', 'localhost'] as const, ...headers].map(([n, v]) => `${n}: ${v}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export class RawConnection {
  readonly socket: Socket;
  /** What came and was not read yet, as it came: joined only where a reply is cut out. */
  #chunks: Buffer[] = [];
  #pendingBytes = 0;
  #isEnded = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes);
      this.#pendingBytes += bytes.length;
      this.#wake?.();
    });
    const ended = (): void => {
      this.#isEnded = true;
      this.#wake?.();
    };
    socket.on('end', ended);
    socket.on('close', ended);
    socket.on('error', ended);
  }

  static open(target: RawTarget): Promise<RawConnection> {
    const socket =
      'path' in target ? connect(target.path) : connect(target.port, target.host ?? '127.0.0.1');
    socket.setNoDelay(true);
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  /** Strings are latin1. Resolves when the kernel has taken the bytes, or the peer is gone. */
  send(bytes: string | Uint8Array): Promise<void> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise(resolve => {
      this.socket.write(buffer, () => {
        resolve();
      });
    });
  }

  /** Sends in pieces of `pieceBytes`, each in a packet of its own, as over Ethernet. */
  async sendInPieces(bytes: string | Uint8Array, pieceBytes: number): Promise<void> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    for (let at = 0; at < buffer.length; at += pieceBytes) {
      await this.send(buffer.subarray(at, at + pieceBytes));
      await delay(PIECE_PAUSE_MS);
    }
  }

  /** The next final reply (`100 Continue` is passed over); undefined when the connection ended
   *  without one. Rejects after `timeoutMs`. */
  async readReply(options: ReadOptions = {}): Promise<RawReply | undefined> {
    const deadline = performance.now() + (options.timeoutMs ?? REPLY_TIMEOUT_MS);
    for (;;) {
      const headEnd = await this.#findHead(deadline);
      if (headEnd === -1) return undefined;
      const head = parseHead(this.#take(headEnd + HEAD_END.length));
      if (head.status < 200) continue;
      const length = replyLength(head, options.method ?? 'GET');
      if (length === 'chunked') return { ...head, ...(await this.#readChunks(deadline)) };
      while (this.#pendingBytes < length && !this.#isEnded) await this.#more(deadline);
      const body = this.#take(Math.min(length, this.#pendingBytes));
      const isComplete = length === Infinity ? this.#isEnded : body.length === length;
      return { ...head, body, isComplete };
    }
  }

  /** Waits for the server's end of the connection; rejects after `timeoutMs`. */
  async closed(timeoutMs = REPLY_TIMEOUT_MS): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#isEnded) await this.#more(deadline);
  }

  /** Bytes received and not yet read as a reply. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #findHead(deadline: number): Promise<number> {
    for (;;) {
      const at = this.#joined().indexOf(HEAD_END);
      if (at !== -1) return at;
      if (this.#isEnded) return -1;
      await this.#more(deadline);
    }
  }

  async #readChunks(deadline: number): Promise<{ body: Buffer; isComplete: boolean }> {
    const chunks: Buffer[] = [];
    for (;;) {
      const line = await this.#readLine(deadline);
      if (line === undefined) return { body: Buffer.concat(chunks), isComplete: false };
      const size = Number.parseInt(line, 16);
      while (this.#pendingBytes < size + 2 && !this.#isEnded) await this.#more(deadline);
      chunks.push(this.#take(Math.min(size, this.#pendingBytes)));
      this.#take(Math.min(2, this.#pendingBytes));
      if (size === 0) return { body: Buffer.concat(chunks), isComplete: true };
    }
  }

  async #readLine(deadline: number): Promise<string | undefined> {
    for (;;) {
      const at = this.#joined().indexOf('\r\n');
      if (at !== -1) return this.#take(at + 2).toString('latin1');
      if (this.#isEnded) return undefined;
      await this.#more(deadline);
    }
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    const rest = all.subarray(count);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    return all.subarray(0, count);
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#wake = undefined;
          reject(new Error('the server sent nothing for too long'));
        },
        Math.max(0, deadline - performance.now()),
      );
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Opens a connection, sends the pieces one after the other, reads one reply, and leaves. */
export async function rawRequest(
  target: RawTarget,
  pieces: readonly (string | Uint8Array)[],
  options: ReadOptions = {},
): Promise<RawReply | undefined> {
  const connection = await RawConnection.open(target);
  try {
    for (const [position, piece] of pieces.entries()) {
      if (position > 0) await delay(PIECE_PAUSE_MS);
      await connection.send(piece);
    }
    return await connection.readReply(options);
  } finally {
    connection.destroy();
  }
}

type ReplyHead = Pick<RawReply, 'status' | 'reason' | 'headers'>;

function parseHead(bytes: Buffer): ReplyHead {
  const [line = '', ...rest] = bytes.toString('latin1').trimEnd().split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(line);
  if (match === null) throw new Error(`not a status line: ${line}`);
  const headers = rest.map(text => {
    const colon = text.indexOf(':');
    const value = Buffer.from(text.slice(colon + 1).trim(), 'latin1').toString('utf8');
    return [text.slice(0, colon).toLowerCase(), value] as const;
  });
  return { status: Number(match[1]), reason: match[2] ?? '', headers };
}

function replyLength(head: ReplyHead, method: string): number | 'chunked' {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return 0;
  const find = (name: string): string | undefined => head.headers.find(([n]) => n === name)?.[1];
  if (find('transfer-encoding')?.toLowerCase() === 'chunked') return 'chunked';
  const length = find('content-length');
  return length === undefined ? Infinity : Number(length);
}
