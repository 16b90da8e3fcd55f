// Method: the three laws, on random rows whose timestamps are often equal.
import test from 'ava';
import fc from 'fast-check';
import type { ExecutionContext } from 'ava';
import { encodeObjectRow, mergeObjectRows } from '../../../schemas/records/object-row.ts';
import {
  encodePartRow,
  encodeUploadRow,
  mergePartRows,
  mergeUploadRows,
} from '../../../schemas/records/upload-row.ts';
import { objectRows, partRows, uploadRows } from './arbitrary-rows.ts';

type Merge<Row> = {
  readonly rows: fc.Arbitrary<Row>;
  readonly merge: (a: Row, b: Row) => Row;
  readonly encode: (row: Row) => Buffer;
};

function holdsTheLaws<Row>(t: ExecutionContext, { rows, merge, encode }: Merge<Row>): void {
  const isSame = (a: Row, b: Row): boolean => encode(a).equals(encode(b));
  fc.assert(fc.property(rows, rows, (a, b) => isSame(merge(a, b), merge(b, a))));
  fc.assert(
    fc.property(rows, rows, rows, (a, b, c) =>
      isSame(merge(merge(a, b), c), merge(a, merge(b, c))),
    ),
  );
  fc.assert(fc.property(rows, a => merge(a, a) === a));
  fc.assert(
    fc.property(rows, rows, (a, b) => {
      const merged = merge(a, b);
      return merge(merged, b) === merged;
    }),
  );
  t.pass();
}

test('object rows merge the same in any order and grouping', t => {
  holdsTheLaws(t, { rows: objectRows, merge: mergeObjectRows, encode: encodeObjectRow });
});

test('upload rows merge the same in any order and grouping', t => {
  holdsTheLaws(t, { rows: uploadRows, merge: mergeUploadRows, encode: encodeUploadRow });
});

test('part rows merge the same in any order and grouping', t => {
  holdsTheLaws(t, { rows: partRows, merge: mergePartRows, encode: encodePartRow });
});

test('the later write of an object wins, whether version or tombstone', t => {
  fc.assert(
    fc.property(objectRows, objectRows, (a, b) => {
      const later = a.timestamp >= b.timestamp ? a.timestamp : b.timestamp;
      return mergeObjectRows(a, b).timestamp === later;
    }),
  );
  t.pass();
});

test('an upload that ended stays ended, and completed beats aborted', t => {
  const rank = { open: 0, aborted: 1, completed: 2 } as const;
  fc.assert(
    fc.property(uploadRows, uploadRows, (a, b) => {
      const merged = rank[mergeUploadRows(a, b).state.kind];
      return merged === Math.max(rank[a.state.kind], rank[b.state.kind]);
    }),
  );
  t.pass();
});
