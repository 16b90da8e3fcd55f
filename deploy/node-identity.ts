/**
 * What makes a process the node it is: its key pair, the secret it shares with its command, its
 * pid.
 *
 * Owns:          `node_key`, `node_key.pub`, `rpc_secret` and `pid` in the metadata directory.
 * Knows:         Ed25519; Garage's form of the key files (secret half and public half, raw bytes).
 * Must not know: what the node does with its name.
 *
 * Each file appears whole and on stable storage or not at all: a power cut right after the very
 * first start must not leave a node that has rows under a name it no longer knows.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Randomness } from '../schemas/environment.ts';
import { parseNodeId, type NodeId } from '../schemas/ids.ts';

const KEY_FILE = 'node_key';
const PUBLIC_FILE = 'node_key.pub';
const SECRET_FILE = 'rpc_secret';
const PID_FILE = 'pid';
const SEED_BYTES = 32;
const PUBLIC_BYTES = 32;
/** A private Ed25519 key in PKCS #8 is this and the seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Something in the metadata directory is not what it must be; the message says what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

/** The node's id, its key made if there is none. Makes the directory (0700). Throws IdentityError,
 *  and what the file system throws. */
export function ensureNodeId(metadataDir: string, random: Randomness): NodeId {
  mkdirSync(metadataDir, { recursive: true, mode: 0o700 });
  syncDirectory(dirname(resolve(metadataDir)));
  const keyPath = join(metadataDir, KEY_FILE);
  const publicPath = join(metadataDir, PUBLIC_FILE);
  const stored = readFile(keyPath);
  if (stored === undefined && readFile(publicPath) !== undefined) {
    throw new IdentityError(
      `${publicPath} is there and ${keyPath} is missing: restore it, or move both away to make ` +
        'this a new node.',
    );
  }
  const key = stored ?? createOnce(metadataDir, KEY_FILE, newKey(random));
  const publicHalf = checkedPublicHalf(key, keyPath);
  const known = readFile(publicPath) ?? createOnce(metadataDir, PUBLIC_FILE, publicHalf);
  if (!known.equals(publicHalf)) {
    throw new IdentityError(`${publicPath} does not belong to ${keyPath}: restore the right one.`);
  }
  return idOf(publicHalf, publicPath);
}

/** The id of the node whose directory this is, also while it does not run; undefined before its
 *  first start. */
export function readNodeId(metadataDir: string): NodeId | undefined {
  const publicPath = join(metadataDir, PUBLIC_FILE);
  const publicHalf = readFile(publicPath);
  return publicHalf && idOf(publicHalf, publicPath);
}

/** The secret that was made here for a node without a configured one; made now if there is none. */
export function ensureRpcSecret(metadataDir: string, random: Randomness): string {
  const made = readRpcSecret(metadataDir);
  if (made !== undefined) return made;
  const text = `${random.bytes(32).toString('hex')}\n`;
  createOnce(metadataDir, SECRET_FILE, Buffer.from(text));
  return readRpcSecret(metadataDir) ?? text.trim();
}

/** Undefined when none was made here. */
export function readRpcSecret(metadataDir: string): string | undefined {
  const path = join(metadataDir, SECRET_FILE);
  const secret = readFile(path)?.toString('utf8').trim();
  if (secret === undefined || /^[0-9a-f]{64}$/.test(secret)) return secret;
  throw new IdentityError(`${path} does not hold 64 hex digits: restore it, or remove it.`);
}

/** Says who has the directory. Written once the store is open: the store's lock is what decides,
 *  since a pid may be that of somebody else by now. */
export function writePidFile(metadataDir: string, pid: number): void {
  writeFileSync(join(metadataDir, PID_FILE), `${String(pid)}\n`, { mode: 0o600 });
}

export function removePidFile(metadataDir: string): void {
  rmSync(join(metadataDir, PID_FILE), { force: true });
}

/** The sentence for a start that found the store locked. */
export function explainLocked(metadataDir: string): string {
  const pid = readFile(join(metadataDir, PID_FILE))?.toString('utf8').trim();
  const holder = pid !== undefined && /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
  return `${metadataDir} is in use by ${holder}: stop that one first.`;
}

function newKey(random: Randomness): Buffer {
  const seed = random.bytes(SEED_BYTES);
  return Buffer.concat([seed, publicHalfOf(seed)]);
}

function publicHalfOf(seed: Buffer): Buffer {
  const pkcs8 = Buffer.concat([PKCS8_PREFIX, seed]);
  const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return spki.subarray(-PUBLIC_BYTES);
}

function checkedPublicHalf(key: Buffer, path: string): Buffer {
  const seed = key.subarray(0, SEED_BYTES);
  const publicHalf = key.subarray(SEED_BYTES);
  const isWhole = key.length === SEED_BYTES + PUBLIC_BYTES;
  if (isWhole && publicHalfOf(seed).equals(publicHalf)) return publicHalf;
  throw new IdentityError(`${path} is damaged: restore it from a copy.`);
}

function idOf(publicHalf: Buffer, path: string): NodeId {
  const id = parseNodeId(publicHalf.toString('hex'));
  if (id !== undefined) return id;
  throw new IdentityError(`${path} is damaged: it has to hold 32 bytes.`);
}

/** Writes the file (0600) if there is none yet; answers what is there afterwards. Of two processes
 *  that start at once one makes it, and the other one takes that. */
function createOnce(directory: string, name: string, bytes: Buffer): Buffer {
  const path = join(directory, name);
  const draft = join(directory, `${name}.${String(process.pid)}.tmp`);
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOfError(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(directory);
  return readFileSync(path);
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOfError(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOfError(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
