import test from 'ava';
import { lifecycleCalendar } from '../../../../schemas/lifecycle-calendar.ts';
import {
  abortOf,
  expirationOf,
  markerExpirationOf,
  noncurrentExpirationOf,
} from '../../../../schemas/records/bucket-settings/lifecycle-due.ts';
import type {
  LifecycleFilter,
  LifecycleRule,
} from '../../../../schemas/records/bucket-settings/lifecycle-rules.ts';

const DAY_MS = 86_400_000;
const utc = lifecycleCalendar(DAY_MS, undefined);
const everything: LifecycleFilter = {
  ...{ form: 'single', prefix: undefined, tags: [], sizeGreaterThan: undefined },
  sizeLessThan: undefined,
};

function rule(
  change: Partial<LifecycleRule>,
  filter: Partial<LifecycleFilter> = {},
): LifecycleRule {
  return {
    ...{ id: 'one', enabled: true, expiration: undefined, abortUploadsDays: undefined },
    ...{ noncurrent: undefined, filter: { ...everything, ...filter } },
    ...change,
  };
}

const days = (count: number) => ({ expiration: { kind: 'days', days: count } as const });
const object = { key: 'logs/a', sizeBytes: 100, createdMs: 10.5 * DAY_MS, tags: [] };

for (const [title, filter, matches] of [
  ['no condition', {}, true],
  ['its prefix', { prefix: 'logs/' }, true],
  ['another prefix', { prefix: 'log/' }, false],
  ['a size below', { sizeGreaterThan: 99 }, true],
  ['its own size as the lower bound', { sizeGreaterThan: 100 }, false],
  ['a size above', { sizeLessThan: 101 }, true],
  ['its own size as the upper bound', { sizeLessThan: 100 }, false],
  ['a tag that it does not have', { tags: [{ key: 'k', value: 'v' }] }, false],
] as const) {
  test(`a filter with ${title} ${matches ? 'matches' : 'does not match'}`, t => {
    const due = expirationOf([rule(days(1), filter)], utc, object);
    t.deepEqual(due, matches ? { ruleId: 'one', day: 12 } : undefined);
  });
}

test('a tag matches with its value', t => {
  const rules = [rule(days(1), { tags: [{ key: 'k', value: 'v' }] })];
  const tagged = (value: string) => ({ ...object, tags: [{ key: 'k', value }] });
  t.is(expirationOf(rules, utc, tagged('v'))?.day, 12);
  t.is(expirationOf(rules, utc, tagged('w')), undefined);
});

test('of several rules the earliest day counts, and disabled ones do not', t => {
  const rules = [
    rule({ id: 'late', ...days(9) }),
    rule({ id: 'off', enabled: false, ...days(1) }),
    rule({ id: 'date', expiration: { kind: 'date', dateMs: 14 * DAY_MS } }),
    rule({ id: 'marker', expiration: { kind: 'delete-marker', enabled: true } }),
  ];
  t.deepEqual(expirationOf(rules, utc, object), { ruleId: 'date', day: 14 });
});

test('uploads are given up by the rules that say so, by prefix', t => {
  const rules = [
    rule({ id: 'other', abortUploadsDays: 1 }, { form: 'legacy', prefix: 'tmp/' }),
    rule({ id: 'slow', abortUploadsDays: 5 }),
    rule({ id: 'expires', ...days(1) }),
  ];
  t.deepEqual(abortOf(rules, utc, { key: 'a', createdMs: 0 }), { ruleId: 'slow', day: 6 });
  t.deepEqual(abortOf(rules, utc, { key: 'tmp/a', createdMs: 0 }), { ruleId: 'other', day: 2 });
  t.is(abortOf([rule(days(1))], utc, { key: 'a', createdMs: 0 }), undefined);
});

const noncurrent = (count: number, newerVersions?: number) => ({
  noncurrent: { days: count, newerVersions },
});
const version = {
  ...{ key: 'logs/a', noncurrentMs: 10.5 * DAY_MS, newerVersions: 2 },
  content: { sizeBytes: 100, tags: [{ key: 'k', value: 'v' }] },
};

test('a noncurrent version is due by days since, and with enough newer ones', t => {
  const dayOfRule = (one: LifecycleRule) => noncurrentExpirationOf([one], utc, version)?.day;
  t.is(dayOfRule(rule(noncurrent(1))), 12);
  t.is(dayOfRule(rule(noncurrent(1, 2))), 12);
  t.is(dayOfRule(rule(noncurrent(1, 3))), undefined);
  t.is(dayOfRule(rule(days(1))), undefined);
  t.is(dayOfRule(rule({ ...noncurrent(1), enabled: false })), undefined);
  const rules = [rule(noncurrent(9)), rule({ id: 'two', ...noncurrent(3) })];
  t.deepEqual(noncurrentExpirationOf(rules, utc, version), { ruleId: 'two', day: 14 });
});

test('filters are about the noncurrent version itself, and by content about no marker', t => {
  const cases: [filter: Partial<LifecycleFilter>, version: boolean, marker: boolean][] = [
    [{}, true, true],
    [{ prefix: 'logs/' }, true, true],
    [{ prefix: 'x' }, false, false],
    [{ sizeGreaterThan: 99 }, true, false],
    [{ sizeLessThan: 100 }, false, false],
    [{ tags: [{ key: 'k', value: 'v' }] }, true, false],
    [{ tags: [{ key: 'k', value: 'w' }] }, false, false],
  ];
  const { key } = version;
  for (const [filter, isVersionMeant, isMarkerMeant] of cases) {
    const rules = [rule({ ...noncurrent(1), ...days(1) }, filter)];
    const marker = { ...version, content: 'marker' } as const;
    t.is(noncurrentExpirationOf(rules, utc, version) !== undefined, isVersionMeant);
    t.is(noncurrentExpirationOf(rules, utc, marker) !== undefined, isMarkerMeant);
    const alone = markerExpirationOf(rules, utc, { key, createdMs: 10.5 * DAY_MS });
    t.is(alone !== undefined, isMarkerMeant);
  }
});

test('a delete marker alone goes at once where that is asked for, else by its age', t => {
  const marker = { key: 'a', createdMs: 10.5 * DAY_MS };
  const dayOfRule = (expiration: LifecycleRule['expiration']) =>
    markerExpirationOf([rule({ expiration })], utc, marker)?.day;
  t.is(dayOfRule({ kind: 'delete-marker', enabled: true }), 10);
  t.is(dayOfRule({ kind: 'delete-marker', enabled: false }), undefined);
  t.is(dayOfRule({ kind: 'days', days: 2 }), 13);
  t.is(dayOfRule({ kind: 'date', dateMs: 14 * DAY_MS }), 14);
  t.is(dayOfRule(undefined), undefined);
});
