// Method: random rows through their codec and back; damaged and foreign bytes must be refused with
// the codec's own error, whatever they are.
import test from 'ava';
import fc from 'fast-check';
import type { ExecutionContext } from 'ava';
import { CodecError } from '../../../schemas/codec.ts';
import { decodeAbortedMark, encodeAbortedMark } from '../../../schemas/records/aborted-mark.ts';
import { packBlocks, parseBlockList, unpackBlocks } from '../../../schemas/records/block-list.ts';
import { decodeOwner, encodeOwner } from '../../../schemas/records/block-owner.ts';
import { decodeCounters, encodeCounters } from '../../../schemas/records/bucket-counters.ts';
import { decodeFence, encodeFence } from '../../../schemas/records/fence-row.ts';
import { decodeManifestRow, encodeManifestRow } from '../../../schemas/records/manifest-row.ts';
import { decodeObjectRow, encodeObjectRow } from '../../../schemas/records/object-row.ts';
import { readObjectSummary } from '../../../schemas/records/object-summary.ts';
import {
  decodeOpenUploadRow,
  encodeOpenUploadRow,
} from '../../../schemas/records/open-upload-row.ts';
import { decodePartListRow, encodePartListRow } from '../../../schemas/records/part-list-row.ts';
import { decodeReleaseEntry, encodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import {
  decodeTombstoneEntry,
  encodeTombstoneEntry,
} from '../../../schemas/records/tombstone-entry.ts';
import {
  decodePartRow,
  decodeUploadRow,
  encodePartRow,
  encodeUploadRow,
} from '../../../schemas/records/upload-row.ts';
import {
  blockLists,
  objectRows,
  owners,
  partRefs,
  partRows,
  releaseEntries,
  tombstoneEntries,
  uploadRows,
} from './arbitrary-rows.ts';

type Codec<Row> = {
  readonly rows: fc.Arbitrary<Row>;
  readonly encode: (row: Row) => Buffer;
  readonly decode: (bytes: Buffer) => Row;
};

const counters = fc.record({
  objects: fc.maxSafeNat(),
  bytes: fc.maxSafeNat(),
  uploads: fc.nat(),
  uploadParts: fc.nat(),
  uploadBytes: fc.maxSafeNat(),
});

function survives<Row>(t: ExecutionContext, { rows, encode, decode }: Codec<Row>): void {
  fc.assert(
    fc.property(rows, row => {
      t.deepEqual(decode(encode(row)), row);
    }),
  );
  refusesForeignBytes(rows.map(encode), decode);
}

/** Flipped bits and cuts may give another row, but never anything else than a row or the error. */
function refusesForeignBytes(
  bytes: fc.Arbitrary<Buffer>,
  decode: (bytes: Buffer) => unknown,
): void {
  const isRowOrRefusal = (damaged: Buffer): boolean => {
    try {
      decode(damaged);
      return true;
    } catch (error) {
      return error instanceof CodecError;
    }
  };
  fc.assert(
    fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (good, at, mask) => {
      const flipped = Buffer.from(good);
      const index = at % flipped.length;
      flipped[index] = flipped[index]! ^ mask;
      return isRowOrRefusal(flipped) && isRowOrRefusal(good.subarray(0, at % good.length));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), random => isRowOrRefusal(Buffer.from(random))),
  );
}

test('object rows survive their encoding', t => {
  survives(t, { rows: objectRows, encode: encodeObjectRow, decode: decodeObjectRow });
});

test('upload rows survive their encoding', t => {
  survives(t, { rows: uploadRows, encode: encodeUploadRow, decode: decodeUploadRow });
});

test('open-upload rows survive their encoding', t => {
  const rows = fc.record({ upload: uploadRows, attempts: fc.nat(), bytes: fc.maxSafeNat() });
  survives(t, { rows, encode: encodeOpenUploadRow, decode: decodeOpenUploadRow });
});

test('part rows survive their encoding', t => {
  survives(t, { rows: partRows, encode: encodePartRow, decode: decodePartRow });
});

test('part-list rows survive their encoding', t => {
  const rows = fc.array(partRefs, { maxLength: 512 });
  survives(t, { rows, encode: encodePartListRow, decode: decodePartListRow });
});

test('manifest rows survive their encoding', t => {
  const rows = fc.record({ owner: owners, blocks: blockLists });
  survives(t, { rows, encode: encodeManifestRow, decode: decodeManifestRow });
});

test('owners survive their encoding', t => {
  survives(t, { rows: owners, encode: encodeOwner, decode: decodeOwner });
});

test('release entries survive their encoding', t => {
  survives(t, { rows: releaseEntries, encode: encodeReleaseEntry, decode: decodeReleaseEntry });
});

test('tombstone entries survive their encoding', t => {
  const codec = { encode: encodeTombstoneEntry, decode: decodeTombstoneEntry };
  survives(t, { rows: tombstoneEntries, ...codec });
});

test('aborted marks, fences and counters survive their encoding', t => {
  const causes = fc.constantFrom('given-up' as const, 'too-old' as const);
  survives(t, { rows: causes, encode: encodeAbortedMark, decode: decodeAbortedMark });
  survives(t, { rows: fc.string(), encode: encodeFence, decode: decodeFence });
  const rows = fc.record({
    counters,
    trust: fc.constantFrom('exact' as const, 'recount' as const),
  });
  survives(t, {
    rows,
    encode: row => encodeCounters(row.counters, row.trust),
    decode: decodeCounters,
  });
});

test('block lists survive packing, and a cut one is refused', t => {
  fc.assert(
    fc.property(blockLists, list => {
      t.deepEqual(packBlocks(unpackBlocks(list)), list);
      t.is(parseBlockList(Buffer.concat([list, Buffer.alloc(1)])), undefined);
    }),
  );
});

test('the summary for listings says what the whole row says', t => {
  fc.assert(
    fc.property(objectRows, row => {
      const summary = readObjectSummary(encodeObjectRow(row));
      if (row.kind !== 'version') {
        t.is(summary, undefined);
        return;
      }
      const { sizeBytes, etag, checksum } = row;
      t.deepEqual(summary, {
        lastModifiedMs: Number.parseInt(row.timestamp.slice(0, 12), 16),
        sizeBytes,
        etag,
        checksum: checksum && { algorithm: checksum.algorithm, type: checksum.type },
      });
    }),
  );
  refusesForeignBytes(objectRows.map(encodeObjectRow), readObjectSummary);
});
