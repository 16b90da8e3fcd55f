/**
 * Tells a first start from a disk that is not mounted, and one node's directories from another's.
 *
 * Owns:          `marker` in each data directory; `format` and `data_dirs` in the metadata
 *                directory.
 * Knows:         the Files port.
 * Must not know: how the node's id is made; what else lies in the directories.
 *
 * A node that starts on an empty mount point where its data was would tell everyone that what it
 * held never existed. So: all directories empty is a first start; one empty among others that are
 * not is refused until the operator says `--accept-empty PATH`. A data directory that this node
 * never had may be empty: it was added.
 */
import { join } from 'node:path';
import type { Files } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { parseNodeId } from '../../schemas/ids.ts';
import { makeDirectoryDurably, namesIn, readSmallFile, writeFileDurably } from './durable-files.ts';
import { isBroken } from './file-errors.ts';

export type DirectoriesToCheck = {
  readonly files: Files;
  readonly metadataDirectory: string;
  readonly dataDirectories: readonly string[];
  /** Directories of which the operator said that they were really wiped. */
  readonly acceptEmpty: readonly string[];
};

/** `known`: the id that the directories carry; the node's key must be this one. `refused`: one
 *  sentence, and what to do. */
export type DirectoriesVerdict =
  | { readonly kind: 'first-start' }
  | { readonly kind: 'known'; readonly nodeId: NodeId }
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string };

/** The file in a data directory that says whose it is; its disk is mounted where it is found. */
export const DATA_MARKER = 'marker';
/** Grows when an older release could not read what this one writes. */
const STORE_FORMAT = 1;
const GARAGE_DATABASES = ['db.lmdb', 'db.sqlite', 'db.fjall', 'db'];

/** Reads only. */
export async function checkDirectories(check: DirectoriesToCheck): Promise<DirectoriesVerdict> {
  const metadata = await readMetadata(check);
  if (metadata.kind === 'refused') return metadata;
  const markers: (readonly [string, string | undefined])[] = [];
  for (const path of check.dataDirectories) {
    const marker = await readSmallFile(check.files, join(path, DATA_MARKER));
    markers.push([path, marker?.toString('utf8').trim()]);
  }
  const ids = new Set(markers.flatMap(([, id]) => (id === undefined ? [] : [id])));
  if (metadata.kind === 'known') ids.add(metadata.nodeId);
  if (ids.size === 0) return { kind: 'first-start' };
  if (ids.size > 1) return differentNodes(check, metadata, markers);
  const nodeId = parseNodeId([...ids][0] ?? '');
  if (nodeId === undefined) return unreadableMarker(markers);
  const isAccepted = (path: string): boolean => check.acceptEmpty.includes(path);
  if (metadata.kind === 'empty') {
    if (isAccepted(check.metadataDirectory)) return { kind: 'known', nodeId };
    return emptyDirectory(check.metadataDirectory, 'metadata');
  }
  for (const [path, id] of markers) {
    const isLost = id === undefined && metadata.dataDirectories.includes(path);
    if (isLost && !isAccepted(path)) return emptyDirectory(path, 'data');
  }
  return { kind: 'known', nodeId };
}

/**
 * Makes the directories and marks them as this node's; durable when it resolves. Called once the
 * node's id is kept for good. A data directory that cannot be written to stays unmarked.
 */
export async function markDirectories(check: DirectoriesToCheck, nodeId: NodeId): Promise<void> {
  const { files, metadataDirectory, dataDirectories } = check;
  await makeDirectoryDurably(files, metadataDirectory);
  const metadata = await readMetadata(check);
  // First the id without the directories that are not marked yet: a crash at any point from here on
  // leaves what the next start takes for a node with new data directories.
  if (metadata.kind !== 'known') await writeKnown(check, nodeId, []);
  const format = `${String(STORE_FORMAT)}\n`;
  await writeIfDifferent(files, join(metadataDirectory, 'format'), format);
  const marked: string[] = [];
  for (const path of dataDirectories) {
    if (await markDataDirectory(files, path, nodeId)) marked.push(path);
  }
  await writeKnown(check, nodeId, marked);
}

type Refused = Extract<DirectoriesVerdict, { kind: 'refused' }>;
type Metadata =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'known';
      readonly nodeId: NodeId;
      readonly dataDirectories: readonly string[];
    }
  | Refused;

async function readMetadata(check: DirectoriesToCheck): Promise<Metadata> {
  const { files, metadataDirectory: path } = check;
  const names = await namesIn(files, path);
  const foreign = GARAGE_DATABASES.find(name => names.includes(name));
  if (foreign !== undefined) return garagesDatabase(join(path, foreign));
  const format = await readSmallFile(files, join(path, 'format'));
  if (format === undefined) return { kind: 'empty' };
  const number = Number(format.toString('utf8').trim());
  if (!Number.isInteger(number) || number > STORE_FORMAT) return newerFormat(path, number);
  return parseKnown(path, await readSmallFile(files, join(path, 'data_dirs')));
}

function parseKnown(path: string, content: Buffer | undefined): Metadata {
  try {
    const known: unknown = JSON.parse(content?.toString('utf8') ?? '');
    if (typeof known === 'object' && known !== null && 'nodeId' in known) {
      const nodeId = typeof known.nodeId === 'string' ? parseNodeId(known.nodeId) : undefined;
      const listed = 'dataDirectories' in known ? known.dataDirectories : undefined;
      if (nodeId !== undefined && Array.isArray(listed)) {
        const paths: readonly unknown[] = listed;
        const dataDirectories = paths.filter(item => typeof item === 'string');
        return { kind: 'known', nodeId, dataDirectories };
      }
    }
  } catch {
    // Said below.
  }
  return {
    kind: 'refused',
    message: `${join(path, 'data_dirs')}, the list of the node's data directories, cannot be read`,
    hint:
      'restore it from a copy of the metadata directory, or remove it and `format` beside it ' +
      `and start once with: garage server --accept-empty ${path}`,
  };
}

async function markDataDirectory(files: Files, path: string, nodeId: NodeId): Promise<boolean> {
  try {
    await makeDirectoryDurably(files, path);
    await writeIfDifferent(files, join(path, DATA_MARKER), `${nodeId}\n`);
    return true;
  } catch (error) {
    if (isBroken(error)) return false;
    throw error;
  }
}

async function writeKnown(
  { files, metadataDirectory }: DirectoriesToCheck,
  nodeId: NodeId,
  dataDirectories: readonly string[],
): Promise<void> {
  const content = `${JSON.stringify({ nodeId, dataDirectories }, undefined, 2)}\n`;
  await writeIfDifferent(files, join(metadataDirectory, 'data_dirs'), content);
}

async function writeIfDifferent(files: Files, path: string, content: string): Promise<void> {
  const wanted = Buffer.from(content);
  const found = await readSmallFile(files, path);
  if (found?.equals(wanted) !== true) await writeFileDurably(files, path, wanted);
}

function emptyDirectory(path: string, kind: 'metadata' | 'data'): Refused {
  return {
    kind: 'refused',
    message:
      `the ${kind} directory ${path} is empty, while other directories of this node are not: ` +
      'is its disk mounted?',
    hint: `mount it; if it was really wiped, start once with: garage server --accept-empty ${path}`,
  };
}

function differentNodes(
  check: DirectoriesToCheck,
  metadata: Metadata,
  markers: readonly (readonly [string, string | undefined])[],
): Refused {
  const own = metadata.kind === 'known' ? metadata.nodeId : undefined;
  const [path, id] = markers.find(([, found]) => found !== undefined && found !== own) ?? ['', ''];
  return {
    kind: 'refused',
    message:
      `the data directory ${path} belongs to node ${id?.slice(0, 16) ?? ''}, not to the node of ` +
      check.metadataDirectory,
    hint: 'check metadata_dir and data_dir in the configuration: each node has its own',
  };
}

function unreadableMarker(markers: readonly (readonly [string, string | undefined])[]): Refused {
  const path = markers.find(([, id]) => id !== undefined)?.[0] ?? '';
  return {
    kind: 'refused',
    message: `${join(path, DATA_MARKER)} holds no node id`,
    hint: 'write the id that `garage node id` prints into it, without the part from @ on',
  };
}

function newerFormat(path: string, format: number): Refused {
  return {
    kind: 'refused',
    message:
      `${path} was written by a newer release ` +
      `(format ${String(format)}; this one knows ${String(STORE_FORMAT)})`,
    hint: 'start the release that wrote it, or a newer one',
  };
}

function garagesDatabase(path: string): Refused {
  return {
    kind: 'refused',
    message: `${path} is a database of Garage, which this server cannot read; it is untouched`,
    hint:
      'give this server a metadata_dir and a data_dir of its own, and copy the buckets over S3, ' +
      'for example with rclone sync',
  };
}
