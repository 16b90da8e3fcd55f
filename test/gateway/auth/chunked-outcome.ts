/**
 * Aws-chunked bodies for the tests of the decoder, and what became of them.
 *
 * Owns:          the collector that plays the writer of an object: it keeps what it is given and
 *                makes it "visible" only on `end`.
 * Knows:         the independent encoder, the decoder.
 * Must not know: which body is right.
 */
import { crc32 } from '@node-rs/crc32';
import { ChunkedBody } from '../../../gateway/auth/chunked-body.ts';
import { chunkedFraming, type StreamingMode } from '../../../gateway/auth/chunked-framing.ts';
import type { SigningContext } from '../../../gateway/auth/signature-v4.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import { chunkedBody, type ChunkSeed, type HeaderPair } from '../../support/sigv4-signer.ts';
import { awsExample, exampleSigner } from './signed-request.ts';

export const signedMode: StreamingMode = { kind: 'streaming-signed', trailer: false };
export const signedTrailerMode: StreamingMode = { kind: 'streaming-signed', trailer: true };
export const unsignedTrailerMode: StreamingMode = { kind: 'streaming-unsigned-trailer' };

export const modeTexts = {
  signed: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'signed-trailer': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'unsigned-trailer': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
} as const;
export type ModeName = keyof typeof modeTexts;
const modes: Record<ModeName, StreamingMode> = {
  signed: signedMode,
  'signed-trailer': signedTrailerMode,
  'unsigned-trailer': unsignedTrailerMode,
};

export function headersOf(pairs: readonly HeaderPair[]): HeaderList {
  const list = new HeaderList();
  for (const [name, value] of pairs) list.add(name, value);
  return list;
}

export type Outcome =
  | { readonly kind: 'stored'; readonly data: Buffer; readonly trailers: readonly HeaderPair[] }
  | { readonly kind: 'refused'; readonly code: string };

export type Sent = {
  readonly mode: StreamingMode;
  readonly signing: SigningContext;
  readonly decodedBytes: number;
  readonly trailerNames?: string;
  readonly pieces: readonly Uint8Array[];
  readonly ending?: 'end' | 'aborted';
};

/** Feeds a body to the decoder, as a server would: each piece is wiped after the call. */
export function outcomeOf(sent: Sent): Outcome {
  const { mode, signing, decodedBytes, trailerNames, pieces, ending = 'end' } = sent;
  const announced: HeaderPair[] =
    trailerNames === undefined ? [] : [['x-amz-trailer', trailerNames]];
  const length: HeaderPair = ['x-amz-decoded-content-length', String(decodedBytes)];
  const framing = chunkedFraming(mode, headersOf([length, ...announced]));
  const received: Buffer[] = [];
  const outcomes: Outcome[] = [];
  const body = new ChunkedBody(framing, signing, {
    bytes: bytes => {
      if (outcomes.length > 0) throw new Error('bytes after the end');
      received.push(Buffer.from(bytes));
    },
    end: trailers =>
      outcomes.push({ kind: 'stored', data: Buffer.concat(received), trailers: [...trailers] }),
    refused: error => outcomes.push({ kind: 'refused', code: error.code }),
  });
  for (const piece of pieces) {
    const borrowed = Buffer.from(piece);
    body.chunk(borrowed);
    borrowed.fill(0x7a);
  }
  if (ending === 'end') body.end();
  else body.aborted();
  if (outcomes.length !== 1) throw new Error(`${outcomes.length} outcomes instead of one`);
  return outcomes[0]!;
}

export const data = Buffer.from('The quick brown fox jumps over the lazy dog, twice: '.repeat(2));
export const checksum = crcTrailer(data);

export function crcTrailer(bytes: Uint8Array): HeaderPair {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(bytes));
  return ['x-amz-checksum-crc32', value.toString('base64')];
}

type Prepared = {
  readonly seed: ChunkSeed;
  readonly signing: SigningContext;
  readonly mode: StreamingMode;
  readonly encoderSeed: ChunkSeed | undefined;
  readonly trailers: readonly HeaderPair[];
  readonly trailerNames: { readonly trailerNames?: string };
};

export function prepared(name: ModeName): Prepared {
  const { seed } = exampleSigner().sign({
    method: 'PUT',
    path: '/bucket/key',
    headers: [['Host', awsExample.host]],
    payload: modeTexts[name],
    timeMs: awsExample.timeMs,
  });
  const hasTrailer = name !== 'signed';
  return {
    seed,
    signing: { ...seed, seedSignature: seed.signature },
    mode: modes[name],
    encoderSeed: name === 'unsigned-trailer' ? undefined : seed,
    trailers: hasTrailer ? [checksum] : [],
    trailerNames: hasTrailer ? { trailerNames: checksum[0] } : {},
  };
}

export function encoded(name: ModeName, chunkBytes = 40): Buffer {
  const { encoderSeed, trailers } = prepared(name);
  return chunkedBody(data, { seed: encoderSeed, chunkBytes, trailers });
}

export function sentAs(
  name: ModeName,
  pieces: readonly Uint8Array[],
  decodedBytes = data.length,
): Sent {
  const { mode, signing, trailerNames } = prepared(name);
  return { mode, signing, decodedBytes, pieces, ...trailerNames };
}

export function stored(name: ModeName): Outcome {
  return { kind: 'stored', data, trailers: prepared(name).trailers };
}

export function replaced(name: ModeName, pattern: string | RegExp, by: string): string {
  const text = encoded(name).toString('latin1');
  const changed = text.replace(pattern, by);
  if (changed === text) throw new Error('nothing was replaced');
  return changed;
}
