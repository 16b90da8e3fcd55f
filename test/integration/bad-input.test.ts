// Method: raw sockets against a real server, because clients repair what is tested here. Each case
// of the tables in bad-input/ is judged for its answer, for what becomes of the connection, and for
// what is stored: nothing may have changed.
import test from 'ava';
import { seededBytes } from '../support/seeded-bytes.ts';
import { sharedGarage } from '../support/shared-garage.ts';
import { SignedRequests, elements } from '../support/signed-requests.ts';
import { headerValue } from '../support/raw-http.ts';
import { badBodies } from './bad-input/bad-bodies.ts';
import { runCases, type BadCase, type BadWorld } from './bad-input/bad-case.ts';
import { badDocuments } from './bad-input/bad-documents.ts';
import { badForms } from './bad-input/bad-forms.ts';
import { badNames } from './bad-input/bad-names.ts';
import { badRoutes } from './bad-input/bad-routes.ts';
import { badSignatures } from './bad-input/bad-signatures.ts';

const MIB = 1024 * 1024;
const shared = sharedGarage();
let made: Promise<BadWorld> | undefined;

function world(): Promise<BadWorld> {
  made ??= makeWorld();
  return made;
}

async function makeWorld(): Promise<BadWorld> {
  const server = await shared();
  const s3 = new SignedRequests(server);
  const known = { key: 'known', bytes: seededBytes(1, 1000) };
  const stored = await s3.put(known.key, known.bytes);
  await s3.put('empty', '');
  const upload = await begin(s3, 'open');
  const etags: string[] = [];
  for (const [index, size] of [5 * MIB, 100, 200].entries()) {
    const query = `partNumber=${String(index + 1)}&uploadId=${upload.id}`;
    const body = seededBytes(index, size);
    const part = await s3.ask({ method: 'PUT', key: upload.key, query, body });
    etags.push(headerValue(part, 'etag') ?? '');
  }
  const aborted = await begin(s3, 'aborted');
  await s3.ask({ method: 'DELETE', key: aborted.key, query: `uploadId=${aborted.id}` });
  const stranger = await makeStranger(server);
  const [first = '', second = '', third = ''] = etags;
  return {
    ...{ server, s3, emptyKey: 'empty', abortedUpload: aborted },
    known: { ...known, etag: headerValue(stored, 'etag') ?? '' },
    upload: { ...upload, etags: [first, second, third] },
    ...{ stranger, strangersBucket: 'strangers-bucket' },
  };
}

async function begin(s3: SignedRequests, key: string): Promise<{ key: string; id: string }> {
  const begun = await s3.ask({ method: 'POST', key, query: 'uploads=' });
  return { key, id: elements(begun.body.toString(), 'UploadId')[0] ?? '' };
}

/** A key of its own with a bucket and an object in it. */
async function makeStranger(server: BadWorld['server']): Promise<BadWorld['stranger']> {
  const created = await server.command('key', 'create', 'stranger');
  const accessKeyId = /Key ID: +(\S+)/.exec(created.stdout)?.[1] ?? '';
  const secretKey = /Secret key: +(\S+)/.exec(created.stdout)?.[1] ?? '';
  await server.command('key', 'allow', '--create-bucket', accessKeyId);
  const credentials = { accessKeyId, secretKey };
  const theirs = new SignedRequests(server, 'strangers-bucket');
  await theirs.ask({ method: 'PUT', credentials });
  await theirs.ask({ method: 'PUT', key: 'secret', body: 'their secret', credentials });
  return credentials;
}

const GROUPS: readonly (readonly [title: string, cases: readonly BadCase[]])[] = [
  ['a request whose signature does not hold is refused and stores nothing', badSignatures],
  ['a body that is not what its head promised is refused and stores nothing', badBodies],
  ['a name, URI, header or parameter that cannot be is refused and stores nothing', badNames],
  [
    'a document or copy source that cannot be believed is refused and changes nothing',
    badDocuments,
  ],
  ['a request for what is not there is refused and changes nothing', badRoutes],
  ['a form that its policy does not cover, or that is none, stores nothing', badForms],
];

for (const [title, cases] of GROUPS) {
  test.serial(title, async t => {
    await runCases(t, await world(), cases);
  });
}

test.serial('a missing and a present key look alike to those who may read neither', async t => {
  const { s3, known, stranger } = await world();
  for (const method of ['GET', 'HEAD']) {
    const headers = [['if-modified-since', 'Sat, 01 Jan 2000 00:00:00 GMT']] as const;
    for (const credentials of [stranger, undefined]) {
      const [there, missing] = await Promise.all(
        [known.key, 'k'.repeat(known.key.length)].map(key =>
          credentials === undefined
            ? s3.askBytes(`${method} ${s3.path(key)} HTTP/1.1\r\nHost: ${s3.host}\r\n\r\n`, method)
            : s3.ask({ method, key, headers, credentials }),
        ),
      );
      if (there === undefined || missing === undefined) throw new Error('two answers');
      t.is(there.status, 403);
      t.is(missing.status, 403);
      t.is(there.body.length, missing.body.length);
      const told = there.headers.map(([name]) => name);
      t.deepEqual(
        told,
        missing.headers.map(([name]) => name),
      );
      t.false(told.includes('etag') || told.includes('last-modified'));
    }
  }
});

test.serial('the server is alive, and has logged no error, after all of that', async t => {
  const { s3, server, known } = await world();
  const found = await s3.ask({ key: known.key });
  t.true(found.body.equals(known.bytes));
  t.is(server.child.exitCode, null);
  t.notRegex(server.log(), /unhandled|TypeError|at .*\.[jt]s:\d+/i);
});
