/**
 * Decodes an aws-chunked body while it arrives.
 *
 * Owns:          the framing, and that nothing ends well unless every signature, the last chunk,
 *                the decoded length and the trailers were right.
 * Knows:         "Transferring Payload in Multiple Chunks (Chunked Upload)".
 * Must not know: objects, checksums, HTTP.
 *
 *     10000;chunk-signature=ad80…\r\n  <65536 bytes>\r\n
 *     400;chunk-signature=0055…\r\n    <1024 bytes>\r\n
 *     0;chunk-signature=b6c6…\r\n      then the trailer section
 *
 * Data is passed on before the signature of its chunk is known, for a chunk may be as large as the
 * body: whoever stores the bytes must make nothing visible before `end`. At most one line is held
 * back.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import type { BodySink } from '../http/exchange.ts';
import { S3Error, type S3ErrorCode } from '../s3/s3-error.ts';
import { ChunkSignatures, EMPTY_SHA256_HEX } from './chunk-signatures.ts';
import type { ChunkedFraming } from './chunked-framing.ts';
import type { SigningContext } from './signature-v4.ts';
import { TrailerSection } from './trailer-section.ts';

/** The longest line: a chunk's header has 98 bytes, the longest trailer of S3 some 90. */
const LINE_BYTES_MAX = 256;
const SIZE_DIGITS_MAX = 16;
const SIGNATURE_PREFIX = 'chunk-signature=';
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

/** Receives the decoded body. Exactly one of `end` and `refused` is called, last. */
export interface DecodedBodySink {
  /** `bytes` is borrowed for the time of the call. */
  bytes(bytes: Uint8Array): void;
  /** Everything was right; trailers by name, in lower case. */
  end(trailers: ReadonlyMap<string, string>): void;
  /** Something was wrong, or the client went away; what follows in the body is ignored. */
  refused(error: S3Error): void;
}

type State = 'chunk-header' | 'data' | 'data-end' | 'trailer' | 'over';

export class ChunkedBody implements BodySink {
  readonly #sink: DecodedBodySink;
  readonly #signatures: ChunkSignatures | undefined;
  readonly #trailer: TrailerSection;
  #state: State = 'chunk-header';
  /** Decoded bytes that must still come. */
  #outstandingBytes: number;
  #chunkBytesLeft = 0;
  #chunkSignature = '';
  #chunkSha256Hex = '';
  /** Of the pieces so far, when the chunk did not come in one. */
  #chunkHash: Hash | undefined;
  /** The part of a line that has arrived. */
  #partialLine = '';
  #isReturnSeen = false;

  /** `signing` is that of the request; it is used when the framing says that chunks are signed. */
  constructor(framing: ChunkedFraming, signing: SigningContext, sink: DecodedBodySink) {
    this.#sink = sink;
    this.#signatures = framing.signed ? new ChunkSignatures(signing) : undefined;
    this.#trailer = new TrailerSection(framing.trailers, this.#signatures);
    this.#outstandingBytes = framing.decodedBytes;
  }

  chunk(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      switch (this.#state) {
        case 'data':
          offset = this.#takeData(bytes, offset);
          break;
        case 'data-end':
          this.#takeDataEnd(bytes[offset]!);
          offset++;
          break;
        case 'chunk-header':
        case 'trailer':
          offset = this.#takeLine(bytes, offset);
          break;
        case 'over':
          return;
      }
    }
  }

  end(): void {
    if (this.#state === 'over') return;
    if (this.#state !== 'trailer' || this.#partialLine !== '') {
      this.#refuse('IncompleteBody', 'The body ends before its last chunk or trailer.');
    } else if (this.#trailer.mayEnd) {
      this.#state = 'over';
      this.#sink.end(this.#trailer.values);
    } else {
      this.#refuseWith(this.#trailer.missing());
    }
  }

  aborted(): void {
    if (this.#state !== 'over') this.#refuse('IncompleteBody', 'The client went away.');
  }

  /** Returns the offset after what was taken. */
  #takeData(bytes: Uint8Array, offset: number): number {
    const end = Math.min(offset + this.#chunkBytesLeft, bytes.length);
    const piece = offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end);
    this.#chunkBytesLeft -= piece.length;
    this.#outstandingBytes -= piece.length;
    if (this.#signatures !== undefined) this.#hashPiece(piece);
    if (this.#chunkBytesLeft === 0) this.#endChunk('data-end');
    // After the state has changed: the sink may give up, and call `aborted`, within the call.
    if (this.#state !== 'over') this.#sink.bytes(piece);
    return end;
  }

  /** A chunk that comes in one piece needs no hash object. */
  #hashPiece(piece: Uint8Array): void {
    if (this.#chunkBytesLeft === 0 && this.#chunkHash === undefined) {
      this.#chunkSha256Hex = hash('sha256', piece, 'hex');
      return;
    }
    this.#chunkHash ??= createHash('sha256');
    this.#chunkHash.update(piece);
    if (this.#chunkBytesLeft > 0) return;
    this.#chunkSha256Hex = this.#chunkHash.digest('hex');
    this.#chunkHash = undefined;
  }

  /** All data of the chunk have been hashed; `next` is the state if its signature holds. */
  #endChunk(next: State): void {
    this.#state = next;
    if (this.#signatures === undefined) return;
    if (this.#signatures.isNextChunk(this.#chunkSignature, this.#chunkSha256Hex)) return;
    this.#refuse('SignatureDoesNotMatch', 'The signature of a chunk does not match.');
  }

  #takeDataEnd(byte: number): void {
    if (!this.#isReturnSeen && byte === CARRIAGE_RETURN) {
      this.#isReturnSeen = true;
    } else if (this.#isReturnSeen && byte === LINE_FEED) {
      this.#isReturnSeen = false;
      this.#state = 'chunk-header';
    } else {
      this.#refuse('InvalidRequest', 'A chunk is not followed by CR LF.');
    }
  }

  /** Returns the offset after what was taken. */
  #takeLine(bytes: Uint8Array, offset: number): number {
    const room = LINE_BYTES_MAX - this.#partialLine.length;
    const window = bytes.subarray(offset, offset + room);
    const lineFeed = window.indexOf(LINE_FEED);
    if (lineFeed < 0) {
      this.#partialLine += latin1(window);
      if (window.length === room) this.#refuse('InvalidRequest', 'A line of the body is too long.');
      return offset + window.length;
    }
    const line = this.#partialLine + latin1(window.subarray(0, lineFeed));
    this.#partialLine = '';
    if (this.#state === 'trailer') {
      const refusal = this.#trailer.line(line);
      if (refusal !== undefined) this.#refuseWith(refusal);
    } else {
      this.#takeChunkHeader(line);
    }
    return offset + lineFeed + 1;
  }

  /** `line` has lost its LF, not its CR. */
  #takeChunkHeader(line: string): void {
    const sizeEnd = this.#signatures === undefined ? line.length - 1 : line.indexOf(';');
    const size = line.endsWith('\r') ? chunkSize(line, sizeEnd) : -1;
    const extension = this.#signatures === undefined ? '' : line.slice(sizeEnd + 1, -1);
    if (size < 0 || (this.#signatures !== undefined && !extension.startsWith(SIGNATURE_PREFIX))) {
      this.#refuse('InvalidRequest', 'The header of a chunk is malformed.');
    } else if (size > this.#outstandingBytes) {
      this.#refuse('IncompleteBody', 'The chunks are larger than the decoded length.');
    } else {
      this.#chunkSignature = extension.slice(SIGNATURE_PREFIX.length);
      this.#startChunk(size);
    }
  }

  #startChunk(size: number): void {
    if (size > 0) {
      this.#chunkBytesLeft = size;
      this.#state = 'data';
      return;
    }
    this.#chunkSha256Hex = EMPTY_SHA256_HEX;
    this.#endChunk('trailer');
    if (this.#state === 'trailer' && this.#outstandingBytes > 0) {
      this.#refuse('IncompleteBody', 'The chunks are smaller than the decoded length.');
    }
  }

  #refuse(code: S3ErrorCode, message: string): void {
    this.#refuseWith(new S3Error(code, { message }));
  }

  #refuseWith(error: S3Error): void {
    this.#state = 'over';
    this.#partialLine = '';
    this.#sink.refused(error);
  }
}

/** The hex number in `line[0, end)`; -1 when it is none or has too many digits. */
function chunkSize(line: string, end: number): number {
  if (end < 1 || end > SIZE_DIGITS_MAX) return -1;
  let size = 0;
  for (let index = 0; index < end; index++) {
    const code = line.charCodeAt(index);
    const letter = code | 0x20;
    if (code >= 0x30 && code <= 0x39) size = size * 16 + (code - 0x30);
    else if (letter >= 0x61 && letter <= 0x66) size = size * 16 + (letter - 0x61 + 10);
    else return -1;
  }
  return size;
}

/** One character for each byte, so that nothing a client sends is merged or replaced. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
