import test from 'ava';
import { layoutReport } from '../../../gateway/admin/layout-report.ts';
import { parseRfc3339, rfc3339 } from '../../../gateway/admin/rfc3339.ts';
import { textTable } from '../../../gateway/admin/text-table.ts';
import type { AssignmentStatistics } from '../../../schemas/admin-types.ts';

const node = {
  id: 'ab'.repeat(32),
  tags: ['x', 'y'],
  storedPartitions: 256,
  newPartitions: 256,
  totalCapacity: 1e9,
  usableCapacity: 1e9,
};
const statistics: AssignmentStatistics = {
  replicationFactor: 1,
  effectiveZoneRedundancy: 1,
  partitionSize: 3_906_250,
  previousPartitionSize: null,
  lowPartitionSize: false,
  usableCapacity: 1e9,
  totalCapacity: 1e9,
  effectiveCapacity: 1e9,
  lowUsableCapacity: false,
  totalMovedPartitions: null,
  zones: [
    {
      name: 'dc1',
      nodes: [node],
      totalReplicatedPartitions: 256,
      uniquePartitions: 256,
      totalCapacity: 1e9,
      usableCapacity: 1e9,
    },
  ],
};

test('the report of a first layout', t => {
  t.deepEqual(layoutReport(statistics), [
    '==== COMPUTATION OF A NEW PARTITION ASSIGNATION ====',
    '',
    'Each partition is kept once, in at least one zone.',
    '',
    'Optimal partition size:                     3.7 MiB',
    'Usable capacity / total cluster capacity:   953.7 MiB / 953.7 MiB (100.0%)',
    'Effective capacity (replication factor 1):  953.7 MiB',
    '',
    'dc1                 Tags   Partitions        Capacity   Usable capacity',
    '  abababababababab  [x,y]  256 (256 new)     953.7 MiB  953.7 MiB (100.0%)',
    '  TOTAL                    256 (256 unique)  953.7 MiB  953.7 MiB (100.0%)',
  ]);
});

test('the report of a change tells what moves and what to think about', t => {
  const lines = layoutReport({
    ...statistics,
    replicationFactor: 3,
    effectiveZoneRedundancy: 2,
    previousPartitionSize: 1024,
    totalMovedPartitions: 12,
    lowPartitionSize: true,
    lowUsableCapacity: true,
  });
  const text = lines.join('\n');
  t.regex(text, /kept 3 times, in at least 2 different zones/);
  t.regex(text, /3\.7 MiB \(1\.0 KiB in previous layout\)/);
  t.regex(text, /Copies of partitions to transfer: 12/);
  t.is(lines.filter(line => line.startsWith('WARNING')).length, 2);
});

test('columns stand two blanks apart and the last cell of a line is not padded', t => {
  t.deepEqual(
    textTable([['a', 'bb', 'c'], ['aaa', '', 'x'], ['ü', 'b', ''], ['long one that stands alone']]),
    [
      'a                           bb  c',
      'aaa                             x',
      'ü                           b   ',
      'long one that stands alone',
    ],
  );
  t.deepEqual(textTable([]), []);
  t.deepEqual(textTable([[]]), ['']);
});

test('times are read and written as RFC 3339', t => {
  t.is(rfc3339(0), '1970-01-01T00:00:00.000Z');
  t.is(parseRfc3339('1970-01-01T01:00:00.5+01:00'), 500);
  for (const text of ['', '1970-01-01', 'yesterday', '1970-13-01T00:00:00Z', '0']) {
    t.is(parseRfc3339(text), undefined, text);
  }
});
