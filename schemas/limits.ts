/**
 * Every bound of the system, and the relations between them that must hold.
 *
 * Owns:          the numbers; a comment never repeats them.
 * Knows:         S3's documented limits.
 * Must not know: who enforces them.
 */
import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** What S3 documents ("Amazon S3 multipart upload limits", "PutObject", "DeleteObjects"). */
export const OBJECT_KEY_BYTES_MAX = 1024;
export const PUT_BYTES_MAX = 5 * GIB;
export const OBJECT_BYTES_MAX = 5 * 1024 * GIB;
export const PART_BYTES_MIN = 5 * MIB;
export const PART_NUMBER_MAX = 10_000;
export const USER_METADATA_BYTES_MAX = 2 * KIB;
export const LIST_ENTRIES_MAX = 1000;
export const DELETE_KEYS_MAX = 1000;
export const PRESIGNED_SECONDS_MAX = 7 * 24 * 3600;
export const SIGNATURE_SKEW_MS_MAX = 15 * 60 * 1000;
/** Bodies of XML: DeleteObjects and CompleteMultipartUpload; everything else is small. */
export const XML_BODY_BYTES_MAX = 2 * MIB;
export const XML_DEPTH_MAX = 32;

/** Objects up to here live in a row beside their object row. */
export const INLINE_BYTES_MAX = 4 * KIB;
export const BLOCK_BYTES_DEFAULT = MIB;
export const BLOCK_BYTES_MAX = 16 * MIB;
/** A manifest up to here stands in the object or part row itself. */
export const MANIFEST_INLINE_BLOCKS_MAX = 64;
export const MANIFEST_ROW_BLOCKS = 512;
/** A list of parts up to here stands in the object row itself. */
export const PART_LIST_INLINE_MAX = 64;
export const PART_LIST_ROW_PARTS = 512;

/** One checksum for so many bytes of a block file: what a range read must at least verify. */
export const CHECKSUM_CHUNK_BYTES = 64 * KIB;
/** Bodies up to here are hashed where they are; larger ones by the worker threads. */
export const HASH_INLINE_BYTES_MAX = 64 * KIB;
/** The most that one reader of a body has in fresh memory at a time. */
export const READ_PIECE_BYTES = 256 * KIB;
/** What is read of a block's file beside the bytes that were asked for, at most. */
export const READ_ROOM_BYTES = 2 * CHECKSUM_CHUNK_BYTES;
/** Buffers of a block each for readers that keep up. */
export const READ_BUFFERS_MAX = 32;
/** Block files that a node writes at the same time. */
export const BLOCK_WRITES_MAX = 32;

/** Requests that wait in one actor's mailbox; more are answered `overloaded`. */
export const MAILBOX_MESSAGES_MAX = 4096;
/** Row changes in one LevelDB batch. */
export const COMMIT_OPERATIONS_MAX = 8192;
export const COMMIT_BYTES_MAX = 16 * MIB;
/** Rows that one replica reads out for another at a time; one row more may stand in it. */
export const MERGE_BYTES_MAX = MIB;
/** Bytes that wait for a commit; more are refused. */
export const COMMIT_QUEUE_BYTES_MAX = 64 * MIB;

/** A request that is older than this is dropped wherever it is. */
export const REQUEST_DEADLINE_MS = 30_000;
/** A deletion is forgotten this long after it is durable: no older write can be under way. */
export const TOMBSTONE_KEEP_MS = 2 * REQUEST_DEADLINE_MS;
/** Rows of which the first came no longer ago are none that others have forgotten, if within the
 *  second it is known in which round of forgetting those are. */
export const YOUNG_ROWS_MS = 15_000;
export const MEET_ROUND_MS = 15_000;
/** As TOMBSTONE_KEEP_MS, of a block's reference where there are peers: one that was away, and
 *  missed the release, is back within this, or its references are found to be dead one by one. */
export const REPLICATED_TOMBSTONE_KEEP_MS = 24 * 3600 * 1000;
/** Versions and attempts that began before this, and were never finished, are dead. */
export const UNFINISHED_DEAD_MS = 24 * 3600 * 1000;

/** Into so many ordered streams the index of a bucket may be cut at its creation. */
export const INDEX_SHARDS_MAX = 256;

/** A request to several replicas is given up when it has no quorum after so long: of rows, and of
 *  blocks, which may wait for their turn on a thin link. */
export const ROWS_PATIENCE_MS = 4500;
export const BLOCKS_PATIENCE_MS = 7000;
/** What a node's workers ask of another node is given up after so long: a message that was lost
 *  holds a comparison of all partitions up. */
export const PEER_PATIENCE_MS = BLOCKS_PATIENCE_MS;
/** What is sent to a node that seems to be away counts as failed after so long. */
export const DOWN_GRACE_MS = 1000;
/** A second replica is asked beside a slow one after twice its usual time, within these. */
export const HEDGE_MS_MIN = 20;
export const HEDGE_MS_MAX = 500;

/** Processes that are remembered: nodes and gateways. */
export const MEMBERS_MAX = 4096;

/** Events that wait for one listener; of more the oldest are dropped. */
export const EVENTS_WAITING_MAX = 1024;

/** Bytes under way to one node, there and back: small messages, and blocks. */
export const WINDOW_CONTROL_BYTES = 4 * MIB;
export const WINDOW_BULK_BYTES = 16 * MIB;
/** Requests, and their bytes, that wait for their turn in one node's window. The bytes lie in
 *  buffers of those who wait, which are bounded themselves. */
export const WINDOW_WAITING_MAX = 4096;
export const WINDOW_WAITING_BYTES_MAX = 256 * MIB;
/** A node whose window is full and that answered nothing for so long takes nothing. */
export const WINDOW_STALL_MS = 2000;

/** Bytes given to one nats-server that it has not confirmed: beyond the first bound no request is
 *  taken on over that connection, beyond the second nothing is sent. */
export const UNCONFIRMED_BUSY_BYTES = 32 * MIB;
export const UNCONFIRMED_BYTES_MAX = 64 * MIB;

/** One message of the bus, and the pieces it is cut into where nats-servers take no more. */
export const FRAME_BYTES_MAX = 32 * MIB;
export const FRAME_PART_BYTES_MAX = 4 * MIB;
/** Messages of which not all pieces have come, and their bytes. */
export const FRAMES_UNFINISHED_MAX = 256;
export const FRAMES_UNFINISHED_BYTES_MAX = 128 * MIB;

/** A connection for the blocks of one node is closed when it was not used for so long. */
export const BULK_IDLE_MS = 5 * 60 * 1000;
/** What is being served when the bus is closed has so long to be answered. */
export const BUS_DRAIN_MS = 10_000;

/** A change of settings that several replicas decide is given up after so long, and one replica is
 *  asked so long at a time. */
export const SETTINGS_DEADLINE_MS = 4_000;
export const SETTINGS_ASK_MS = 1_500;
/** So many decisions back a row's replicas tell which of two rows came first. */
export const SETTINGS_ANCESTORS_MAX = 16;
/** What one node says of itself is waited for so long when all are shown. */
export const NODE_PATIENCE_MS = 1500;
/** Copies of the settings are compared so often; after a start one whose peers are away waits so
 *  long for them before it is read as it is. */
export const SETTINGS_COMPARE_MS = 2_000;
export const SETTINGS_CATCH_UP_MS = 10_000;
/** Undecided rows that one comparison tells of. */
export const SETTINGS_UNDECIDED_MAX = 64;

/** Settings (keys, buckets, aliases) that a gateway remembers, and how long at most. */
export const DIRECTORY_CACHE_ENTRIES_MAX = 10_000;
export const DIRECTORY_CACHE_MS = 3_000;

assert(BLOCK_BYTES_DEFAULT % CHECKSUM_CHUNK_BYTES === 0, 'blocks are whole checksum chunks');
assert(READ_PIECE_BYTES % CHECKSUM_CHUNK_BYTES === 0, 'pieces are whole checksum chunks');
assert(HASH_INLINE_BYTES_MAX <= BLOCK_BYTES_DEFAULT, 'an inline hash covers at most one block');
assert(FRAME_BYTES_MAX > BLOCK_BYTES_MAX + MIB, 'a block with what goes along fits in a frame');
assert(WINDOW_BULK_BYTES >= BLOCK_BYTES_MAX, 'the largest block fits in a window');
assert(UNCONFIRMED_BUSY_BYTES >= 2 * WINDOW_BULK_BYTES, 'a window comes before the connection');
assert(TOMBSTONE_KEEP_MS > REQUEST_DEADLINE_MS, 'a tombstone outlives every write before it');
assert(
  REQUEST_DEADLINE_MS + YOUNG_ROWS_MS + MEET_ROUND_MS <= TOMBSTONE_KEEP_MS,
  'a row that came late, from before a deletion, is younger than its tombstone becomes',
);
assert(BLOCKS_PATIENCE_MS < REQUEST_DEADLINE_MS, 'a caller is told before a request expires');
