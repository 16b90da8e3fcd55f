// Method: a reader that hands out streams and counts which of them are closed.
import test from 'ava';
import { EarlyBody } from '../../../gateway/object/early-body.ts';
import type { FoundObject, Opening } from '../../../gateway/object/object-reader.ts';
import type { ReplyBody } from '../../../gateway/http/exchange.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';

type Opened = { readonly found: FoundObject; readonly when: Opening['when']; isClosed: boolean };

function countingReader() {
  const opened: Opened[] = [];
  const open = (
    found: FoundObject,
    _range: unknown,
    { when }: Opening = {},
  ): Promise<ReplyBody> => {
    const entry: Opened = { found, when, isClosed: false };
    opened.push(entry);
    const cancel = (): void => void (entry.isClosed = true);
    const source = { next: () => Promise.resolve(undefined), cancel };
    return Promise.resolve({ kind: 'stream', sizeBytes: found.version.sizeBytes, source });
  };
  return { opened, open };
}

function found(timestamp: string, more: object = {}): FoundObject {
  const content = { kind: 'manifest', blockCount: 9 };
  const version = { versionId: 'v', timestamp: timestamp as Timestamp, sizeBytes: 9, content };
  return { kind: 'object', version: { ...version, ...more } } as unknown as FoundObject;
}

const WHOLE = { first: 0, sizeBytes: 9 };

test('what was begun is taken when it is what is found', async t => {
  const reader = countingReader();
  const bodies = new EarlyBody(reader);
  bodies.begin(found('1'));
  const body = await bodies.take(found('1'), WHOLE);
  bodies.drop();
  await Promise.resolve();
  t.is(body.kind, 'stream');
  t.deepEqual(
    reader.opened.map(({ when, isClosed }) => [when, isClosed]),
    [['early', false]],
  );
});

test('another version, or another range, is opened anew, and what was begun is closed', async t => {
  for (const [other, range] of [
    [found('2'), WHOLE],
    [found('1', { versionId: 'w' }), WHOLE],
    [found('1'), { first: 1, sizeBytes: 4 }],
  ] as const) {
    const reader = countingReader();
    const bodies = new EarlyBody(reader);
    bodies.begin(found('1'));
    await bodies.take(other, range);
    bodies.drop();
    await new Promise(resolve => setImmediate(resolve));
    t.deepEqual(
      reader.opened.map(opened => [opened.found, opened.when, opened.isClosed]),
      [
        [found('1'), 'early', true],
        [other, undefined, false],
      ],
    );
  }
});

test('small and encrypted objects are not begun, and what cannot be opened is told to its taker', async t => {
  const reader = countingReader();
  const bodies = new EarlyBody(reader);
  bodies.begin(found('1', { content: { kind: 'inline' } }));
  bodies.begin(found('1', { encryption: {} }));
  t.is(reader.opened.length, 0);
  const failing = new EarlyBody({ open: () => Promise.reject(new Error('no block')) });
  failing.begin(found('1'));
  await t.throwsAsync(async () => failing.take(found('1'), WHOLE), { message: 'no block' });
  failing.begin(found('1'));
  t.notThrows(() => failing.drop());
});
