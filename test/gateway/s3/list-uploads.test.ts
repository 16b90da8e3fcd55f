// Method: as for objects, pages of a door on naive tables are walked to their end and compared with
// a twin that has all uploads in an array.
import test from 'ava';
import fc from 'fast-check';
import { byBytes } from './naive-lists.ts';
import { OWNER, queryOf, s3World, type S3World } from './s3-world.ts';

async function begin(world: S3World, key: string): Promise<string> {
  const target = `/pictures/${encodeURIComponent(key)}?uploads`;
  const answer = await world.ask({ method: 'POST', target });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.one('UploadId') ?? '';
}

const unit = fc.constantFrom('a', 'b', '/', '-', ' ', '\ud7ff', '😀');
const scenario = fc.record({
  keys: fc.array(fc.string({ unit, minLength: 1, maxLength: 4 }), { maxLength: 15 }),
  prefix: fc.constantFrom('', 'a', '/', 'a/'),
  delimiter: fc.constantFrom('', '/', 'a', '-/'),
  maxUploads: fc.integer({ min: 1, max: 5 }),
  encoding: fc.constantFrom('', 'url'),
  shards: fc.constantFrom(1, 3),
});

test('pages of uploads together are all of them, by key and then by beginning', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ keys, prefix, delimiter, maxUploads, ...how }) => {
      const world = s3World({ shards: how.shards });
      const begun: [key: string, uploadId: string][] = [];
      for (const key of keys) begun.push([key, await begin(world, key)]);
      const matching = begun
        .filter(([key]) => key.startsWith(prefix))
        .sort((a, b) => byBytes(a[0], b[0]) || (a[1] < b[1] ? -1 : 1));
      const isFolded = ([key]: [string, string]): boolean =>
        delimiter !== '' && key.slice(prefix.length).includes(delimiter);
      const folded = matching.filter(isFolded).map(([key]) => {
        return key.slice(0, key.indexOf(delimiter, prefix.length) + delimiter.length);
      });
      const decode = how.encoding === 'url' ? decodeURIComponent : String;
      const query = { uploads: '', prefix, delimiter, 'encoding-type': how.encoding };
      let markers = {};
      const ids: string[] = [];
      const prefixes: string[] = [];
      for (;;) {
        const all = { ...query, ...markers, 'max-uploads': String(maxUploads) };
        const page = await world.ask({ target: `/pictures?${queryOf(all)}` });
        t.is(page.status, 200, page.text);
        ids.push(...page.all('UploadId'));
        const common = page.text.matchAll(/<CommonPrefixes><Prefix>([^<]*)</g);
        prefixes.push(...Array.from(common, ([, text]) => decode(text ?? '')));
        if (page.one('IsTruncated') !== 'true') break;
        markers = {
          'key-marker': decode(page.one('NextKeyMarker') ?? ''),
          'upload-id-marker': page.one('NextUploadIdMarker') ?? '',
        };
      }
      const plain = matching.filter(upload => !isFolded(upload));
      t.deepEqual(
        ids,
        plain.map(([, id]) => id),
      );
      t.deepEqual(prefixes, [...new Set(folded)]);
    }),
    { numRuns: 80 },
  );
});

test('an upload is told with all S3 tells', async t => {
  const world = s3World();
  const id = await begin(world, 'a b');
  const target = '/pictures?uploads&encoding-type=url&key-marker=%20&max-uploads=7&delimiter=%20z';
  const page = await world.ask({ target });
  t.is(
    page.text,
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
      '<Bucket>pictures</Bucket><KeyMarker>%20</KeyMarker><UploadIdMarker></UploadIdMarker>' +
      '<NextKeyMarker></NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker>' +
      '<Prefix></Prefix><Delimiter>%20z</Delimiter><EncodingType>url</EncodingType>' +
      '<MaxUploads>7</MaxUploads><IsTruncated>false</IsTruncated>' +
      `<Upload><Key>a%20b</Key><UploadId>${id}</UploadId>` +
      `<Initiator><ID>${OWNER}</ID><DisplayName>${OWNER}</DisplayName></Initiator>` +
      `<Owner><ID>${OWNER}</ID><DisplayName>name of ${OWNER}</DisplayName></Owner>` +
      '<StorageClass>STANDARD</StorageClass><Initiated>2023-11-14T22:13:20.000Z</Initiated>' +
      '</Upload></ListMultipartUploadsResult>',
  );
});

test('an upload id says nothing without its key', async t => {
  const world = s3World();
  await begin(world, 'a');
  const page = await world.ask({ target: '/pictures?uploads&upload-id-marker=zzz' });
  t.is(page.all('UploadId').length, 1);
  const bad = await world.ask({ target: '/pictures?uploads&key-marker=a&upload-id-marker=zzz' });
  t.is(bad.code, 'InvalidArgument');
});

test('bad numbers and encodings are refused, and no uploads wanted is an empty page', async t => {
  const world = s3World();
  await begin(world, 'a');
  for (const query of ['max-uploads=-1', 'max-uploads=x', 'encoding-type=foo']) {
    t.is((await world.ask({ target: `/pictures?uploads&${query}` })).code, 'InvalidArgument');
  }
  const none = await world.ask({ target: '/pictures?uploads&max-uploads=0' });
  t.deepEqual(none.all('UploadId'), []);
  t.is(none.one('IsTruncated'), 'false');
});
