import test from 'ava';
import { Metrics } from '../../../gateway/metrics/metrics.ts';

const gauges = {
  isServing: true,
  storageNodes: 1,
  partitions: 256,
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
  t.regex(text, /^cluster_healthy 1$/m);
  t.regex(text, /^cluster_partitions_all_ok 256$/m);
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
