// Method: raw sockets against a real server, for input that is odd but right: it must be stored and
// told again byte for byte, by each of the ways there are to name it.
import test from 'ava';
import { createHash } from 'node:crypto';
import { RawConnection, headerValue } from '../support/raw-http.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { sharedGarage } from '../support/shared-garage.ts';
import { SignedRequests, elements, errorCode } from '../support/signed-requests.ts';

const ROOT_DOMAIN = 's3.garage.test';
const PACKET_BYTES = 1460;

const shared = sharedGarage({ s3Api: [`root_domain = ".${ROOT_DOMAIN}"`] });
let buckets = 0;

async function world(): Promise<SignedRequests> {
  buckets += 1;
  const bucket = `exact-${String(buckets)}`;
  const s3 = new SignedRequests(await shared(), bucket);
  const made = await s3.ask({ method: 'PUT' });
  if (made.status !== 200) throw new Error(made.body.toString());
  return s3;
}

/** As sent in the path, and the key that it is. */
const KEYS: readonly (readonly [sent: string, key: string])[] = [
  ['..', '..'],
  ['.', '.'],
  ['a/../b', 'a/../b'],
  ['../../etc/passwd', '../../etc/passwd'],
  ['a//b', 'a//b'],
  ['/x', '/x'],
  ['//', '//'],
  ['a%2Fb', 'a/b'],
  ['%2e%2e%2f', '../'],
  ['%2E%2E/other', '../other'],
  ['a%25b', 'a%b'],
  ['a+b', 'a+b'],
  ['a%20b', 'a b'],
  ['%0a%0d%09', '\n\r\t'],
  ['%01%7f', '\x01\x7f'],
  ['e%CC%81', 'e\u0301'],
  ['%C3%A9', '\u00e9'],
  ['%F0%9F%A6%80', '\u{1f980}'],
  ['%EF%BF%BD', '\ufffd'],
  ['%EF%BB%BFbom', '\ufeffbom'],
  ['%22%3C%3E%26%27', '"<>&\''],
  ['__proto__', '__proto__'],
  ['k'.repeat(1024), 'k'.repeat(1024)],
];

test('a key is the bytes that were sent: nothing is normalised, no bucket is left', async t => {
  const s3 = await world();
  const other = await world();
  for (const [sent, key] of KEYS) await s3.put(sent, `content of ${key}`);
  for (const [sent, key] of KEYS) {
    const found = await s3.ask({ key: sent });
    t.is(found.body.toString(), `content of ${key}`, sent);
  }
  const keys = KEYS.map(([, key]) => key);
  keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  t.deepEqual(await s3.keys(), keys);
  t.deepEqual(await other.keys(), []);
  const plain = await s3.ask({ query: 'list-type=2' });
  // eslint-disable-next-line no-control-regex -- controls are what this is about
  const noControls = (key: string): boolean => !/[\0-\x08\x0a-\x1f]/.test(key);
  const listed = elements(plain.body.toString(), 'Key').filter(noControls);
  t.deepEqual(listed, keys.filter(noControls), 'the same without URL encoding');
});

test('a key with NUL is stored exactly or refused, the same everywhere', async t => {
  const s3 = await world();
  const stored = await s3.ask({ method: 'PUT', key: 'a%00b', body: 'x' });
  t.true([200, 400].includes(stored.status), String(stored.status));
  const read = await s3.ask({ key: 'a%00b' });
  t.is(read.status, stored.status);
  t.deepEqual(await s3.keys(), stored.status === 200 ? ['a\0b'] : []);
});

test('carriage returns and references in a key survive XML in both directions', async t => {
  const s3 = await world();
  const keys = ['a\rb', 'a\r\nb', 'a&#13;b', '  blanks  ', ']]>', '&amp;', 'tab\tnew\nline'];
  for (const key of keys) await s3.put(encodeURIComponent(key), 'x');
  await s3.put('stays', 'x');
  const plain = await s3.ask({ query: 'list-type=2' });
  const listed = elements(plain.body.toString(), 'Key').filter(key => key !== 'stays');
  t.deepEqual([...listed].sort(), [...keys].sort());
  const objects = listed.map((key, index) =>
    index === 0
      ? `<Object><Key><![CDATA[${key.replaceAll(']]>', ']]]]><![CDATA[>')}]]></Key></Object>`
      : `<Object><Key>${escaped(key)}</Key></Object>`,
  );
  const first = listed[0] ?? '';
  // A raw CR inside CDATA is a line feed to every XML reader, so that key is named by reference.
  if (first.includes('\r')) objects[0] = `<Object><Key>${escaped(first)}</Key></Object>`;
  const body = `<Delete>${objects.join('\n ')}</Delete>`;
  const md5 = createHash('md5').update(body).digest('base64');
  const gone = await s3.ask({
    ...{ method: 'POST', query: 'delete=', body },
    headers: [['content-md5', md5]],
  });
  t.is(gone.status, 200, gone.body.toString());
  t.deepEqual(elements(gone.body.toString(), 'Code'), []);
  t.deepEqual(elements(gone.body.toString(), 'Key').sort(), [...keys].sort());
  t.deepEqual(await s3.keys(), ['stays']);
});

function escaped(text: string): string {
  return text.replace(/[&<>\r]/g, character => `&#${String(character.charCodeAt(0))};`);
}

test('user metadata beyond ASCII is exact or refused, never shortened', async t => {
  const s3 = await world();
  const values = [
    'é in front',
    'at the end é',
    'in é the middle',
    'é',
    '日本語',
    'a\u00a0',
    '\u00a0a',
  ];
  let stored = 0;
  for (const [index, value] of values.entries()) {
    const key = `k${String(index)}`;
    const put = await s3.ask({
      ...{ method: 'PUT', key, body: 'x', encoding: 'utf8' },
      headers: [['x-amz-meta-v', value]],
    });
    const head = await s3.ask({ method: 'HEAD', key });
    if (put.status === 200) {
      t.is(headerValue(head, 'x-amz-meta-v'), value);
      stored += 1;
    } else {
      t.true(put.status === 400 || put.status === 403, String(put.status));
      t.is(head.status, 404);
    }
  }
  t.true(stored >= 1, 'some of it is stored');
});

test('user metadata given twice is joined', async t => {
  const s3 = await world();
  const headers = [
    ['x-amz-meta-a', 'one'],
    ['x-amz-meta-a', 'two'],
    ['x-amz-meta-__proto__', 'p'],
    ['x-amz-meta-constructor', 'c'],
  ] as const;
  await t.notThrowsAsync(s3.ask({ method: 'PUT', key: 'k', body: 'x', headers }));
  const head = await s3.ask({ method: 'HEAD', key: 'k' });
  t.regex(headerValue(head, 'x-amz-meta-a') ?? '', /^one, ?two$/);
  t.is(headerValue(head, 'x-amz-meta-__proto__'), 'p');
  t.is(headerValue(head, 'x-amz-meta-constructor'), 'c');
});

test('headers that are nobody’s, or another product’s, are not interpreted', async t => {
  const s3 = await world();
  await s3.put('k', 'x');
  const headers = [
    ['x-garage-internal', '1'],
    ['x-minio-source-replication-request', 'true'],
    ['x-amz-replication-status', 'REPLICA'],
    ['x-forwarded-host', 'other-bucket.example'],
    ['x-http-method-override', 'DELETE'],
    ['x-original-url', '/other/key'],
  ] as const;
  t.is((await s3.ask({ key: 'k', headers })).body.toString(), 'x');
  await s3.ask({ method: 'PUT', key: 'k2', body: 'y', headers });
  const head = await s3.ask({ method: 'HEAD', key: 'k2' });
  const told = head.headers.map(([name]) => name).join(' ');
  t.notRegex(told, /garage|minio|replication/);
  t.deepEqual(await s3.keys(), ['k', 'k2']);
});

test('a compressed body is stored as it is', async t => {
  const s3 = await world();
  // `gzip` of the word `content`.
  const body = Buffer.from('H4sIAAAAAAACA0vOzytJzSsBAKkwxf4HAAAA', 'base64');
  const headers = [['content-encoding', 'gzip']] as const;
  await s3.ask({ method: 'PUT', key: 'k', body, headers });
  const found = await s3.ask({ key: 'k' });
  t.is(headerValue(found, 'content-encoding'), 'gzip');
  t.true(found.body.equals(body));
});

test('a bucket can stand in the host, however it is spelt', async t => {
  const s3 = await world();
  const { bucket } = s3;
  await s3.put('k', 'content');
  const vhost = `${bucket}.${ROOT_DOMAIN}`;
  const hosts = [vhost, `${vhost}:3900`, vhost.toUpperCase(), `${vhost}.`, `${vhost}.:80`];
  for (const host of hosts) {
    const found = await s3.ask({ path: '/k', headers: [['host', host]] });
    t.is(found.body.toString(), 'content', host);
  }
  const put = await s3.ask({
    ...{ method: 'PUT', path: `/${bucket}/k2`, body: 'x' },
    headers: [['host', vhost]],
  });
  t.is(put.status, 200);
  t.deepEqual(await s3.keys(), [`${bucket}/k2`, 'k'], 'the host names it, the path is the key');
  const service = await s3.ask({ path: '/', headers: [['host', ROOT_DOMAIN]] });
  t.regex(service.body.toString(), /ListAllMyBucketsResult/);
  const byPath = await s3.ask({ path: s3.path('k'), headers: [['host', ROOT_DOMAIN]] });
  t.is(byPath.body.toString(), 'content');
  const foreign = await s3.ask({ path: s3.path('k'), headers: [['host', 'other.example']] });
  t.is(foreign.body.toString(), 'content', 'path style under any other name');
  const missing = await s3.ask({ path: '/k', headers: [['host', `no-such.${ROOT_DOMAIN}`]] });
  t.is(errorCode(missing), 'NoSuchBucket');
});

test('large heads that arrive in packets are served up to the documented size', async t => {
  const s3 = await world();
  const headers = [
    ['x-amz-meta-a', 'v'.repeat(1000)],
    ['x-amz-meta-b', 'w'.repeat(1000)],
  ] as const;
  const key = `long/${'k'.repeat(800)}`;
  const { head, body } = s3.build({ method: 'PUT', key, headers, body: 'content' });
  t.true(head.length > 2 * PACKET_BYTES && head.length < 4096, String(head.length));
  const connection = await RawConnection.open({ port: s3.port });
  t.teardown(() => {
    connection.destroy();
  });
  await connection.sendInPieces(head, PACKET_BYTES);
  await connection.send(body);
  t.is((await connection.readReply())?.status, 200);
  await connection.sendInPieces(s3.build({ key }).head, 100);
  const found = await connection.readReply();
  t.is(found?.body.toString(), 'content');
});

test('a body that comes in single bytes, with Expect: 100-continue, is stored', async t => {
  const s3 = await world();
  const data = seededBytes(3, 700);
  for (const chunks of ['signed', 'unsigned'] as const) {
    const trailers = [['x-amz-checksum-crc32c', crc32cOf(data)]] as const;
    const { head, body } = s3.buildChunked({
      ...{ method: 'PUT', key: chunks, data, chunks, chunkBytes: 64, trailers },
    });
    const connection = await RawConnection.open({ port: s3.port });
    t.teardown(() => {
      connection.destroy();
    });
    await connection.send(`${head.slice(0, -2)}Expect: 100-continue\r\n\r\n`);
    for (let at = 0; at < body.length; at += 1) await connection.send(body.subarray(at, at + 1));
    const reply = await connection.readReply();
    t.is(reply?.status, 200, reply?.body.toString());
    t.true((await s3.ask({ key: chunks })).body.equals(data));
  }
});

function crc32cOf(data: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return bytes.toString('base64');
}

test('requests sent ahead on one connection are answered in their order', async t => {
  const s3 = await world();
  for (const key of ['a', 'b', 'c']) await s3.put(key, `content of ${key}`);
  const connection = await RawConnection.open({ port: s3.port });
  t.teardown(() => {
    connection.destroy();
  });
  const heads = ['a', 'missing', 'b', 'c'].map(key => s3.build({ key }).head);
  await connection.send(heads.join(''));
  const statuses: (string | undefined)[] = [];
  for (const _ of heads) {
    const reply = await connection.readReply();
    statuses.push(reply?.status === 200 ? reply.body.toString() : String(reply?.status));
  }
  t.deepEqual(statuses, ['content of a', '404', 'content of b', 'content of c']);
});
