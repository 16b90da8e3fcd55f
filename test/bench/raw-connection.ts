/**
 * One keep-alive connection of the load generator: sends bytes, reads one answer at a time.
 *
 * Owns:          a socket and the parsing of the little of HTTP that answers of ours use.
 * Knows:         HTTP/1.1 with Content-Length.
 * Must not know: what is asked.
 *
 * The generator shares two cores with the server, so it does nothing that is not needed: requests
 * are signed by the caller, bodies of answers are counted and thrown away unless asked for.
 */
import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  readonly head: string;
  readonly bodyBytes: number;
  /** Only when it was asked for. */
  readonly body: Buffer | undefined;
};

type Waiting = {
  readonly keepBody: boolean;
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
};

const HEAD_END = Buffer.from('\r\n\r\n');

export class RawConnection {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #head: string | undefined;
  #partial: Buffer | undefined;
  #status = 0;
  #bodyWanted = 0;
  #bodySeen = 0;
  #chunks: Buffer[] = [];
  #isHeadRequest = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => {
      this.#receive(data);
    });
    const fail = (): void => {
      this.#waiting?.reject(new Error('the connection was closed'));
      this.#waiting = undefined;
    };
    socket.on('error', fail);
    socket.on('close', fail);
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        resolve(new RawConnection(socket));
      });
      socket.once('error', reject);
    });
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Sends head and body; the answer is the next one on this connection. */
  send(
    head: string,
    body?: Uint8Array,
    how: { readonly keepBody?: boolean; readonly isHead?: boolean } = {},
  ): Promise<RawAnswer> {
    this.#isHeadRequest = how.isHead ?? false;
    const answer = this.#expect(how.keepBody ?? false);
    if (body === undefined || body.length === 0) {
      this.#socket.write(head, 'latin1');
    } else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    }
    return answer;
  }

  /** Sends a body that does not fit into memory, piece by piece, as fast as it is taken. */
  async stream(head: string, pieces: Iterable<Uint8Array>): Promise<RawAnswer> {
    this.#isHeadRequest = false;
    const answer = this.#expect(false);
    answer.catch(() => undefined);
    this.#socket.write(head, 'latin1');
    for (const piece of pieces) {
      if (this.#waiting === undefined) break;
      if (!this.#socket.write(piece)) {
        await Promise.race([
          new Promise(resolve => this.#socket.once('drain', resolve)),
          answer.catch(() => undefined),
        ]);
      }
    }
    return answer;
  }

  #expect(keepBody: boolean): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { keepBody, resolve, reject };
    });
  }

  #receive(data: Buffer): void {
    let rest = data;
    if (this.#head === undefined) {
      const all = this.#partial === undefined ? data : Buffer.concat([this.#partial, data]);
      const end = all.indexOf(HEAD_END);
      if (end < 0) {
        this.#partial = all;
        return;
      }
      this.#partial = undefined;
      this.#startAnswer(all.toString('latin1', 0, end));
      rest = all.subarray(end + HEAD_END.length);
    }
    this.#bodySeen += rest.length;
    if (this.#waiting?.keepBody === true && rest.length > 0) this.#chunks.push(rest);
    if (this.#bodySeen >= this.#bodyWanted) this.#finish();
  }

  #startAnswer(head: string): void {
    this.#head = head;
    this.#status = Number(head.slice(9, 12));
    const at = head.toLowerCase().indexOf('\r\ncontent-length:');
    const hasBody = !this.#isHeadRequest && this.#status !== 204 && this.#status !== 304;
    this.#bodyWanted = at < 0 || !hasBody ? 0 : Number.parseInt(head.slice(at + 17), 10);
    this.#bodySeen = 0;
  }

  #finish(): void {
    const waiting = this.#waiting;
    const answer: RawAnswer = {
      status: this.#status,
      head: this.#head ?? '',
      bodyBytes: this.#bodySeen,
      body: waiting?.keepBody === true ? Buffer.concat(this.#chunks) : undefined,
    };
    this.#waiting = undefined;
    this.#head = undefined;
    this.#chunks = [];
    waiting?.resolve(answer);
  }

  close(): void {
    this.#socket.destroy();
  }
}
