// Method: random messages of every kind through their codec and back; damaged, cut and foreign
// bytes must be refused with the codec's own error; and a few messages written out as bytes, which
// nodes of other releases send and must be understood.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import { CodecError } from '../../../schemas/codec.ts';
import type { BlockHash, BucketId, ObjectKey, VersionId } from '../../../schemas/ids.ts';
import { blockConversation } from '../../../schemas/messages/block-wire.ts';
import { clusterConversation, layoutVersion } from '../../../schemas/messages/cluster-wire.ts';
import { heartbeat } from '../../../schemas/messages/heartbeat-wire.ts';
import { settingsChanged, settingsConversation } from '../../../schemas/messages/settings-wire.ts';
import { tableConversation } from '../../../schemas/messages/table-wire.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';
import {
  decodeMessage,
  encodeMessage,
  type Codec,
  type UnionCodec,
} from '../../../schemas/wire.ts';
import { clusterReplies, clusterRequests, layoutVersions } from './arbitrary-cluster.ts';
import {
  blockReplies,
  blockRequests,
  settingsChanges,
  settingsReplies,
  settingsRequests,
  tableReplies,
  tableRequests,
} from './arbitrary-messages.ts';
import { heartbeats } from './arbitrary-heartbeats.ts';

function encode<Value>(codec: Codec<Value>, value: Value): Buffer {
  const message = encodeMessage(codec, value);
  const bytes = Buffer.alloc(message.length);
  message.copyInto(bytes, 0);
  return bytes;
}

function isMessageOrRefusal(codec: Codec<unknown>, bytes: Buffer): boolean {
  try {
    decodeMessage(codec, bytes);
    return true;
  } catch (error) {
    return error instanceof CodecError;
  }
}

function survives<Value>(
  t: ExecutionContext,
  codec: Codec<Value>,
  messages: fc.Arbitrary<Value>,
): void {
  fc.assert(
    fc.property(messages, message => {
      t.deepEqual(decodeMessage(codec, encode(codec, message)), message);
    }),
    { numRuns: 300 },
  );
  const damaged = fc.tuple(messages, fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(damaged, ([message, at, mask]) => {
      const good = encode(codec, message);
      const index = at % good.length;
      const flipped = Buffer.from(good);
      flipped[index] = flipped[index]! ^ mask;
      return (
        isMessageOrRefusal(codec, flipped) && isMessageOrRefusal(codec, good.subarray(0, index))
      );
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), foreign =>
      isMessageOrRefusal(codec, Buffer.from(foreign)),
    ),
  );
}

/** So many messages that each kind was among them. */
function everyKindIsTried<Value extends { readonly kind: string }>(
  t: ExecutionContext,
  codec: UnionCodec<Value>,
  messages: fc.Arbitrary<Value>,
): void {
  const tried = new Set(fc.sample(messages, 1000).map(message => message.kind));
  t.deepEqual([...tried].sort(), [...codec.kinds].sort());
}

test('table requests and replies survive their encoding', t => {
  survives(t, tableConversation.request, tableRequests);
  survives(t, tableConversation.reply, tableReplies);
  everyKindIsTried(t, tableConversation.request, tableRequests);
  everyKindIsTried(t, tableConversation.reply, tableReplies);
});

test('block requests and replies survive their encoding', t => {
  survives(t, blockConversation.request, blockRequests);
  survives(t, blockConversation.reply, blockReplies);
  everyKindIsTried(t, blockConversation.request, blockRequests);
  everyKindIsTried(t, blockConversation.reply, blockReplies);
});

test('settings requests, replies and events survive their encoding', t => {
  survives(t, settingsConversation.request, settingsRequests);
  survives(t, settingsConversation.reply, settingsReplies);
  survives(t, settingsChanged, settingsChanges);
  everyKindIsTried(t, settingsConversation.request, settingsRequests);
  everyKindIsTried(t, settingsConversation.reply, settingsReplies);
});

test('cluster requests, replies and events survive their encoding', t => {
  survives(t, clusterConversation.request, clusterRequests);
  survives(t, clusterConversation.reply, clusterReplies);
  survives(t, layoutVersion, layoutVersions);
  survives(t, heartbeat, heartbeats);
  everyKindIsTried(t, clusterConversation.request, clusterRequests);
  everyKindIsTried(t, clusterConversation.reply, clusterReplies);
});

const stamp = makeTimestamp(1_700_000_000_123, 5, 'a1b2c3d4e5f60718');
const bucket = 'ef'.repeat(32) as BucketId;
const key = 'k\u00e9' as ObjectKey;

/** Fields in msgpack; what stands behind them, if anything, after the bar. */
const golden: readonly (readonly [string, Buffer, string])[] = [
  [
    'a read of an object',
    encode(tableConversation.request, {
      kind: 'object-read',
      place: { bucket, shard: 3, key },
      want: 'content',
    }),
    `00000035 92 01 94 02 93 c420${bucket} 03 a36bc3a9 a7636f6e74656e74 c0`,
  ],
  [
    'the deletion of an object, on a condition',
    encode(tableConversation.request, {
      kind: 'object-write',
      place: { bucket, shard: 0, key },
      row: { kind: 'tombstone', timestamp: stamp },
      condition: { ifMatch: 'any', ifNoneMatch: ['e'] },
    }),
    `00000051 92 01 99 01 93 c420${bucket} 00 a36bc3a9 c415 93 01 c410${stamp} 00 c0 95 90 91 91 a165 c0 c0 c0 c0 c0 c0 c0`,
  ],
  [
    'a block',
    encode(blockConversation.request, {
      kind: 'block-store',
      hash: 'cd'.repeat(32) as BlockHash,
      bytes: Buffer.from('bytes'),
      checksums: Buffer.from([1, 2, 3, 4]),
      owner: { kind: 'version', bucket, shard: 0, key, versionId: stamp as unknown as VersionId },
    }),
    `00000068 92 01 95 01 c420${'cd'.repeat(32)} 95 00 c420${bucket} 00 a36bc3a9 c410${stamp}` +
      ` c40401020304 05 6279746573`,
  ],
  [
    'a block that was read',
    encode(blockConversation.reply, { kind: 'bytes', bytes: Buffer.from('ab') }),
    '00000005 92 01 92 05 02 6162',
  ],
  [
    'a page of references',
    encode(blockConversation.reply, {
      kind: 'references',
      references: [
        {
          hash: 'cd'.repeat(32) as BlockHash,
          owner: {
            ...{ kind: 'version', bucket, shard: 0, key },
            versionId: stamp as unknown as VersionId,
          },
        },
      ],
      next: Buffer.from([9]),
    }),
    `00000066 92 01 93 10 91 92 c420${'cd'.repeat(32)} 95 00 c420${bucket} 00 a36bc3a9` +
      ` c410${stamp} c40109`,
  ],
  [
    'a whole block',
    encode(blockConversation.reply, {
      ...{ kind: 'whole', bytes: Buffer.from('ab'), checksums: Buffer.from([1, 2, 3, 4]) },
    }),
    '0000000b 92 01 93 0e 02 c40401020304 6162',
  ],
  ['a refusal', encode(blockConversation.reply, { kind: 'overloaded' }), '00000004 92 01 91 0b'],
];

for (const [title, bytes, expected] of golden) {
  test(`${title} is these bytes on the wire`, t => {
    t.is(bytes.toString('hex'), expected.replaceAll(' ', ''));
  });
}
