/**
 * Computes the digests of S3: MD5 and the ten checksums, at once or piece by piece.
 *
 * Owns:          the one place where an algorithm's name meets its implementation.
 * Knows:         node:crypto, @node-rs/crc32, hash-wasm.
 * Must not know: threads, bodies, blocks.
 *
 * CRC64NVME and the xxHashes run in WebAssembly, which is loaded asynchronously: `prepare` first.
 * One instance serves every running checksum of a thread; a state of some bytes is put into it for
 * each piece, because an instance per body would cost a WebAssembly memory per body.
 */
import { crc32, crc32c } from '@node-rs/crc32';
import {
  createCRC64,
  createXXHash128,
  createXXHash3,
  createXXHash64,
  type IHasher,
} from 'hash-wasm';
import { createHash, hash, type Hash } from 'node:crypto';
import { assert } from '../../schemas/assert.ts';
import type { ChecksumAlgorithm } from '../../schemas/records/checksum.ts';

/** MD5 is the ETag, too. */
export type DigestName = ChecksumAlgorithm;

/** A digest of bytes that come one piece after the other. */
export interface RunningDigest {
  update(bytes: Uint8Array): void;
  /** Big-endian bytes; called once. */
  digest(): Buffer;
}

/** The polynomial of CRC-64/NVME, reflected (NVM Express 64b CRC). */
const NVME_POLYNOMIAL = '9a6c9329ac4bc9b5';
const NODE_NAMES = { MD5: 'md5', SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;

type WasmName = 'CRC64NVME' | 'XXHASH64' | 'XXHASH3' | 'XXHASH128';

const LOADERS: Readonly<Record<WasmName, () => Promise<IHasher>>> = {
  CRC64NVME: () => createCRC64(NVME_POLYNOMIAL),
  XXHASH64: () => createXXHash64(),
  XXHASH3: () => createXXHash3(),
  XXHASH128: () => createXXHash128(),
};

function isWasm(name: DigestName): name is WasmName {
  return name in LOADERS;
}

export class ChecksumMaker {
  readonly #loaded = new Map<WasmName, IHasher>();

  /** False: `prepare` it first. */
  isReady(name: DigestName | undefined): boolean {
    return name === undefined || !isWasm(name) || this.#loaded.has(name);
  }

  async prepare(name: DigestName | undefined): Promise<void> {
    if (name === undefined || !isWasm(name) || this.#loaded.has(name)) return;
    const hasher = await LOADERS[name]();
    // Who loaded it at the same time was first, perhaps: running digests are of its instance.
    if (!this.#loaded.has(name)) this.#loaded.set(name, hasher);
  }

  /** The digest of bytes that are all there. */
  of(name: DigestName, bytes: Uint8Array): Buffer {
    switch (name) {
      case 'MD5':
      case 'SHA1':
      case 'SHA256':
      case 'SHA512':
        return hash(NODE_NAMES[name], bytes, 'buffer');
      default: {
        const running = this.start(name);
        running.update(bytes);
        return running.digest();
      }
    }
  }

  /** The same in hex: the platform makes text faster than bytes. */
  hexOf(name: 'MD5' | 'SHA256', bytes: Uint8Array): string {
    return hash(NODE_NAMES[name], bytes, 'hex');
  }

  start(name: DigestName): RunningDigest {
    switch (name) {
      case 'MD5':
      case 'SHA1':
      case 'SHA256':
      case 'SHA512':
        return new RunningHash(createHash(NODE_NAMES[name]));
      case 'CRC32':
        return new RunningCrc(crc32);
      case 'CRC32C':
        return new RunningCrc(crc32c);
      default: {
        const hasher = this.#loaded.get(name);
        assert(hasher !== undefined, 'what runs in WebAssembly was prepared');
        return new RunningWasm(hasher);
      }
    }
  }
}

class RunningHash implements RunningDigest {
  readonly #hash: Hash;

  constructor(running: Hash) {
    this.#hash = running;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): Buffer {
    return this.#hash.digest();
  }
}

type Crc = (input: Buffer, initialState?: number) => number;

class RunningCrc implements RunningDigest {
  readonly #crc: Crc;
  #value = 0;

  constructor(crc: Crc) {
    this.#crc = crc;
  }

  update(bytes: Uint8Array): void {
    this.#value = this.#crc(asBuffer(bytes), this.#value);
  }

  digest(): Buffer {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(this.#value);
    return bytes;
  }
}

class RunningWasm implements RunningDigest {
  readonly #hasher: IHasher;
  #state: Uint8Array;

  constructor(hasher: IHasher) {
    this.#hasher = hasher;
    this.#state = hasher.init().save();
  }

  update(bytes: Uint8Array): void {
    this.#hasher.load(this.#state).update(bytes);
    this.#state = this.#hasher.save();
  }

  digest(): Buffer {
    return Buffer.from(this.#hasher.load(this.#state).digest('binary'));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
