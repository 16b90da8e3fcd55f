// Method: forms as browsers send them, by fetch and FormData, to a real server.
import test from 'ava';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { signedPolicy } from '../support/browser-form.ts';
import { REGION } from '../support/garage-process.ts';
import { bytesOf, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();

test('a form made by a page uploads its file', async t => {
  const { client, Bucket, server } = await world(t);
  const key = { ...server.credentials, region: REGION, nowMs: Date.now() };
  const conditions = [
    { bucket: Bucket },
    ['starts-with', '$key', 'up/'],
    ['content-length-range', 0, 9e6],
  ];
  const post = (name: string, file: Uint8Array<ArrayBuffer>, extra = {}): Promise<Response> => {
    const form = new FormData();
    const fields = { key: name, ...signedPolicy(key, conditions), ...extra };
    for (const [field, value] of Object.entries<string>(fields)) form.append(field, value);
    form.append('file', new Blob([file]), 'a file.bin');
    return fetch(`${server.endpoint}/${Bucket}`, { method: 'POST', body: form });
  };
  for (const sizeBytes of [0, 10, 100_000, 8_000_000]) {
    const file = new Uint8Array(sizeBytes).fill(13);
    // eslint-disable-next-line no-template-curly-in-string -- S3's name
    const answer = await post(`up/${String(sizeBytes)}/` + '${filename}', file);
    t.is(answer.status, 204, await answer.text());
    const Key = `up/${String(sizeBytes)}/a file.bin`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    t.true((await bytesOf(Body)).equals(file));
  }
  t.is((await post('up/large', new Uint8Array(9_000_001))).status, 400);
  t.is((await post('down/a', new Uint8Array(1))).status, 403);
  t.is((await post('up/a', new Uint8Array(1), { acl: 'private' })).status, 403);
});
