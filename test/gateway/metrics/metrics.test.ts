import test from 'ava';
import { Metrics } from '../../../gateway/metrics/metrics.ts';

const gauges = {
  health: {
    ...{ status: 'degraded' as const, knownNodes: 4, connectedNodes: 3, storageNodes: 3 },
    ...{ storageNodesUp: 2, partitions: 256, partitionsQuorum: 255, partitionsAllOk: 200 },
  },
  nodes: [
    {
      ...{ id: 'a'.repeat(64), zone: 'z1', capacityBytes: 1000 },
      ...{ isConnected: true, silentSecs: undefined },
    },
    {
      ...{ id: 'b'.repeat(64), zone: 'z2', capacityBytes: null },
      ...{ isConnected: false, silentSecs: 60 },
    },
  ],
  dataAvailableBytes: 10,
  dataTotalBytes: 20,
  metadataAvailableBytes: 30,
  metadataTotalBytes: 40,
  blockBytesWritten: 5,
  blockBytesRead: 6,
  blocksRemoved: 7,
  blocksDamaged: 8,
  blocksToResync: 12,
  blocksWithResyncErrors: 13,
  storeReopenings: 9,
  storeCorrectedBits: 10,
  storeBrokenBlocks: 11,
};

function metrics(): Metrics {
  return new Metrics({
    version: '1.2.3',
    replicationFactor: 1,
    gauges: () => Promise.resolve(gauges),
  });
}

test('the page shows what was answered, by operation and status', async t => {
  const page = metrics();
  page.answered('s3', { endpoint: 'PutObject', status: 200, milliseconds: 2 });
  page.answered('s3', { endpoint: 'PutObject', status: 403, milliseconds: 1 });
  const text = await page.page();
  t.regex(text, /^api_s3_request_counter\{api_endpoint="PutObject"\} 2$/m);
  t.regex(text, /^api_s3_error_counter\{api_endpoint="PutObject",status_code="403"\} 1$/m);
  t.regex(text, /^api_s3_request_duration_bucket\{le="0.0015",api_endpoint="PutObject"\} 1$/m);
  t.regex(text, /^api_s3_request_duration_count\{api_endpoint="PutObject"\} 2$/m);
});

test('gauges are read when the page is asked for, under names that dashboards know', async t => {
  const text = await metrics().page();
  t.regex(text, /^garage_build_info\{version="1.2.3",rustversion="node v[\d.]+"\} 1$/m);
  t.regex(text, /^cluster_healthy 0$/m);
  t.regex(text, /^cluster_available 1$/m);
  t.regex(text, /^cluster_storage_nodes_ok 2$/m);
  t.regex(text, /^cluster_partitions_quorum 255$/m);
  t.regex(text, /^cluster_partitions_all_ok 200$/m);
  const labels = (id: string, zone: string, rest: string): string =>
    `{id="${id.repeat(16)}",role_zone="${zone}",${rest}}`;
  const [a, b] = [
    labels('a', 'z1', 'role_capacity="1000",role_gateway="0"'),
    labels('b', 'z2', 'role_capacity="0",role_gateway="1"'),
  ];
  t.true(text.includes(`cluster_layout_node_connected${a} 1`));
  t.true(text.includes(`cluster_layout_node_connected${b} 0`));
  t.true(text.includes(`cluster_layout_node_disconnected_time${b} 60`));
  t.false(text.includes(`cluster_layout_node_disconnected_time${a}`));
  t.regex(text, /^garage_local_disk_avail\{volume="metadata"\} 30$/m);
  t.regex(text, /^block_corruption_counter 8$/m);
  t.regex(text, /^block_resync_queue_length 12$/m);
  t.regex(text, /^block_resync_errored_blocks 13$/m);
  t.regex(text, /^store_corrected_bits 10$/m);
  t.regex(text, /^store_broken_blocks 11$/m);
});

test('visits of websites are counted by method, and by host where that is wanted', async t => {
  const page = metrics();
  page.answered('web', { endpoint: 'GET', status: 200, milliseconds: 2 });
  page.answered('web', { endpoint: 'GET site.example', status: 404, milliseconds: 2 });
  const text = await page.page();
  t.regex(text, /^web_request_counter\{method="GET"\} 1$/m);
  t.regex(text, /^web_request_counter\{method="GET",host="site.example"\} 1$/m);
  t.regex(text, /^web_error_counter\{method="GET",host="site.example",status_code="404"\} 1$/m);
  t.regex(text, /^web_request_duration_count\{method="GET"\} 1$/m);
});
