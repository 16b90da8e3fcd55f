// Method: one partition on a store in memory and random requests of every kind that may take a
// version away or change its lock, while time goes on; after each the rows are looked at.
import test from 'ava';
import fc from 'fast-check';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import type { LockMode } from '../../../schemas/records/bucket-settings/access-settings.ts';
import type { ObjectLock } from '../../../schemas/records/object-lock.ts';
import { holdingOf } from '../../../schemas/records/object-lock.ts';
import type { ObjectVersion } from '../../../schemas/records/object-row.ts';
import { decodeObjectRow, versionRefOf } from '../../../schemas/records/object-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  complete,
  createUpload,
  partOf,
  put,
  putBlocks,
  refOf,
  stamp,
  tablePartition,
  uploadId,
  writePart,
} from './partition-fixture.ts';
import { deleteOf, versionDelete, writeOf, type Status } from './version-fixture.ts';

const DAY_MS = 86_400_000;

const step = fc.record({
  what: fc.constantFrom(
    ...(['put', 'put', 'blocks', 'upload', 'delete', 'delete-version', 'delete-version'] as const),
    ...(['retain', 'retain', 'hold', 'wait', 'lifecycle'] as const),
  ),
  status: fc.constantFrom<Status[]>('enabled', 'enabled', 'suspended', 'never'),
  /** Which of the versions that are there. */
  index: fc.nat(9),
  mode: fc.constantFrom<(LockMode | 'none')[]>('GOVERNANCE', 'COMPLIANCE', 'none'),
  days: fc.integer({ min: 1, max: 4 }),
  flag: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function versionsOf(f: Fixture): Map<string, ObjectVersion> {
  const found = new Map<string, ObjectVersion>();
  for (const table of [TABLE.object, TABLE.history]) {
    for (const { value } of f.rows(table)) {
      const row = decodeObjectRow(value);
      if (row.kind === 'version') found.set(row.versionId, row);
    }
  }
  return found;
}

function lockOf({ mode, days, flag }: Step, nowMs: number): ObjectLock {
  return {
    ...(mode === 'none' ? {} : { retention: { mode, untilMs: nowMs + days * DAY_MS } }),
    ...(flag ? { legalHold: true } : {}),
  };
}

/** What a step asks for, and whether it may weaken a lock: a bypass, or the end of a hold. */
function requestsOf(
  f: Fixture,
  s: Step,
  tick: number,
): { readonly requests: readonly TableRequest[]; readonly target?: string } {
  const nowMs = f.environment.clock.wallMs();
  const all = [...versionsOf(f).values()];
  const chosen = all[s.index % Math.max(1, all.length)];
  const isLocked = s.index % 3 === 0 && s.status === 'enabled';
  const lock = isLocked ? { lock: lockOf(s, nowMs) } : {};
  switch (s.what) {
    case 'put':
    case 'blocks': {
      const write = writeOf(s.what === 'put' ? put('a', tick) : putBlocks('a', tick), s.status);
      return { requests: [{ ...write, row: { ...write.row, ...lock } as ObjectVersion }] };
    }
    case 'upload': {
      const id = uploadId(tick);
      const part = partOf(id, 1, tick);
      const write = writeOf(complete('a', id, { tick, parts: [refOf(part)] }), s.status);
      return { requests: [createUpload('a', id), writePart('a', part), write] };
    }
    case 'delete':
      return { requests: [deleteOf('a', tick, s.status)] };
    case 'wait':
      f.environment.advance(s.days * DAY_MS);
      return { requests: [] };
    default:
      if (chosen === undefined) return { requests: [] };
      return { requests: [ofVersion(s, chosen, tick, nowMs)], target: chosen.versionId };
  }
}

function ofVersion(s: Step, chosen: ObjectVersion, tick: number, nowMs: number): TableRequest {
  const version = versionRefOf(chosen);
  const change = { kind: 'object-change', place: at('a'), version } as const;
  const deletion = versionDelete('a', version, tick);
  switch (s.what) {
    case 'delete-version':
      return { ...deletion, mayBypass: s.flag };
    case 'lifecycle':
      return { ...deletion, condition: { ifVersion: chosen.versionId } };
    case 'hold':
      return { ...change, hold: { stamp: stamp(tick), legalHold: s.flag } };
    default: {
      const { retention } = lockOf(s, nowMs);
      return { ...change, retention: { stamp: stamp(tick), retention, mayBypass: s.flag } };
    }
  }
}

const RANK = { GOVERNANCE: 1, COMPLIANCE: 2 } as const;

/** Is the retention at least as strict for as long? */
function isAsStrict(after: ObjectLock | undefined, before: ObjectLock | undefined): boolean {
  const [now, then] = [after?.retention, before?.retention];
  if (then === undefined) return true;
  if (now === undefined) return false;
  return RANK[now.mode] >= RANK[then.mode] && now.untilMs >= then.untilMs;
}

test('whatever is asked, what is held stays, and no less than it was', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
      const f = tablePartition();
      let tick = 0;
      for (const s of steps) {
        tick += 1;
        const before = versionsOf(f);
        const { requests, target } = requestsOf(f, s, tick);
        // A step that waits changes what is held.
        const nowMs = f.environment.clock.wallMs();
        for (const request of requests) await f.ask(request);
        const after = versionsOf(f);
        for (const [id, { lock }] of before) {
          const holding = holdingOf(lock, nowMs);
          if (holding === undefined) continue;
          const isMeant = id === target;
          const mayGo = isMeant && s.what === 'delete-version' && s.flag;
          const isHere = after.has(id);
          t.true(isHere || (mayGo && holding === 'GOVERNANCE'), `${id} ${s.what} ${holding}`);
          const mayEnd = isMeant && s.what === 'hold' && !s.flag;
          const now = after.get(id)?.lock;
          if (isHere && lock?.legalHold === true) t.true(now?.legalHold === true || mayEnd);
          const mayShorten =
            isMeant && s.what === 'retain' && s.flag && lock?.retention?.mode === 'GOVERNANCE';
          const isOver = (lock?.retention?.untilMs ?? 0) <= nowMs;
          if (isHere && !isOver) t.true(isAsStrict(now, lock) || mayShorten);
        }
      }
    }),
    { numRuns: 600 },
  );
});
