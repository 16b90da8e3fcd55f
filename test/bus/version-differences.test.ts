/**
 * Pages of versions are told by their entries, `key:tick` or `key:null@tick`; and where they go on.
 */
import test from 'ava';
import type { VersionPage } from '../../bus/version-differences.ts';
import { leastReach, settledVersions } from '../../bus/version-differences.ts';
import type { ObjectKey } from '../../schemas/ids.ts';
import type { ListedVersion, VersionStart } from '../../schemas/messages/table.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import { stamp } from '../actors/partition/partition-fixture.ts';

function entryOf(text: string): ListedVersion {
  const [key = '', version = ''] = text.split(':');
  const stamped = stamp(Number(version.replace('null@', '')));
  return {
    ...{ kind: 'version', key: key as ObjectKey, isLatest: true, isMarker: false },
    ...{ sizeBytes: 1, etag: text, lastModifiedMs: timestampMs(stamped) },
    version: version.startsWith('null') ? 'null' : stamped,
  };
}

/** `…` at the end: behind the last entry the list goes on. */
function pageOf(text: string): VersionPage {
  const words = text.split(' ').filter(word => word !== '');
  const entries = words.filter(word => word !== '…').map(entryOf);
  const last = entries.at(-1);
  const isWhole = !words.includes('…') || last === undefined;
  const page = { kind: 'version-page', entries } as const;
  return isWhole ? page : { ...page, next: { key: last.key, version: last.version } };
}

function shown({ entries, next }: VersionPage): string {
  const names = entries.map(entry => (entry.kind === 'version' ? entry.etag : entry.prefix));
  return [...names, ...(next === undefined ? [] : [`… ${next.key}`])].join(' ');
}

function settled(own: string, ...pages: readonly string[]): string {
  return shown(settledVersions(pageOf(own), pages.map(pageOf)));
}

test('what no page has shown is left out', t => {
  t.is(settled('a:2 a:1 b:1', 'a:2', 'b:1'), 'a:2 b:1');
});

test('what has ended meanwhile is gone, and a null version may be a newer one', t => {
  t.is(settled('a:2 c:null@7', 'a:2 b:1 c:null@3', 'a:2 c:null@3'), 'a:2 c:null@7');
});

test('it reaches no further than the pages do', t => {
  t.is(settled('a:1 b:3 b:1 c:1', 'a:1 b:3 …', 'a:1 b:3 b:1 c:1'), 'a:1 b:3 … b');
  t.is(settled('a:1 …', 'a:1 b:1 …', 'a:1 b:1 c:1'), 'a:1 … a');
  t.is(settled('b:1', 'a:1 …', 'b:1'), '… a');
});

test('a null version lies among the others by its time', t => {
  t.is(settled('a:5 a:null@4 a:3', 'a:null@4 …', 'a:5 a:3'), 'a:5 a:null@4 … a');
  t.is(settled('a:5 a:null@4 a:3', 'a:5 …', 'a:null@4 a:3'), 'a:5 … a');
});

test('the least reach: of a key the newest version comes first', t => {
  const nextOf = (...pages: readonly string[]): VersionStart | undefined =>
    leastReach(pages.map(pageOf))?.next;
  t.is(nextOf('a:5 …', 'a:5 a:3 …')?.version, stamp(5));
  t.is(nextOf('a:5 a:null@4 …', 'a:5 a:null@4 a:3 …')?.version, 'null');
  t.is(nextOf('a:5', 'a:5 b:1 …')?.key, 'b' as ObjectKey);
});
