import { describe, expect, test } from 'vitest';
import {
  changesBeyond,
  changesInEffect,
  revisionAt,
  schemaSince,
  type SchemaEvent,
  type SchemaHistory,
} from './schema-history.ts';

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 21, 10, minute)).toISOString();
const ms = (minute: number): number => Date.parse(at(minute));
const then = (minute: number, revision: string | null = null) => ({ atMs: ms(minute), revision });
const nothing = { before: null, after: null, takenAt: null };
const up = (minute: number, release: string, before: string | null, after: string | null): SchemaEvent => ({
  ...nothing,
  kind: 'up',
  at: at(minute),
  release,
  before,
  after,
});
const down = (minute: number, release: string, after: string | null): SchemaEvent => ({
  ...nothing,
  kind: 'down',
  at: at(minute),
  release,
  after,
});
const restored = (minute: number, takenAt: number): SchemaEvent => ({
  ...nothing,
  kind: 'restored',
  at: at(minute),
  release: null,
  takenAt: at(takenAt),
});

function history(events: SchemaEvent[], compatible = false): SchemaHistory {
  const ids = [...new Set(events.flatMap(({ release }) => (release === null ? [] : [release])))];
  const said = (id: string) => ({
    version: `of ${id}`,
    compatible,
    reversible: true,
    down: { state: 'proven' as const },
  });
  return { events, releases: Object.fromEntries(ids.map((id) => [id, said(id)])) };
}

const TWO = history([up(10, 'r-1', '0', '1'), up(20, 'r-2', '1', '2'), up(30, 'r-3', '2', '3')]);

describe('how far the schema has gone since a version ran well', () => {
  test('the changes after it are named, oldest first, with the revision it ran on', () => {
    const found = schemaSince(TWO, ms(15), '3');
    expect(found).toMatchObject({ revision: '1', standing: 'newer' });
    expect(found.changes.map((one) => one.release)).toEqual(['r-2', 'r-3']);
  });

  test('a version from before the first migration ran on what that one found', () => {
    expect(schemaSince(TWO, ms(5), '3')).toMatchObject({ revision: '0', standing: 'newer' });
  });

  test('nothing has changed where no migration ran, or where the tool says so', () => {
    expect(schemaSince(history([]), ms(5), '7')).toEqual({ revision: '7', standing: 'same', changes: [] });
    expect(schemaSince(TWO, ms(35), '3').standing).toBe('same');
    expect(schemaSince(TWO, ms(15), '1').standing).toBe('same');
  });

  test('what was taken back is no change any more', () => {
    const events = [...TWO.events, down(40, 'r-3', '2'), down(41, 'r-2', '1')];
    expect(schemaSince(history(events), ms(15), '1')).toEqual({ revision: '1', standing: 'same', changes: [] });
  });

  test('data of a backup has the schema of the time at which it was taken', () => {
    const events = [...TWO.events, restored(40, 15)];
    expect(revisionAt(history(events), then(50))).toBe('1');
    expect(schemaSince(history(events), ms(15), '1').standing).toBe('same');
    // Seen from a version of the newer schema, the data is older than anything it ran on.
    expect(schemaSince(history(events), ms(25), '1').standing).toBe('other');
  });

  test('a revision that no release left there is nobody knows what', () => {
    expect(schemaSince(TWO, ms(15), '99').standing).toBe('other');
  });

  test('without a tool that tells, every migration after it counts', () => {
    const silent = history([up(10, 'r-1', null, null), up(20, 'r-2', null, null)]);
    expect(schemaSince(silent, ms(15), null)).toMatchObject({ revision: null, standing: 'newer' });
    expect(schemaSince(silent, ms(15), null).changes.map((one) => one.release)).toEqual(['r-2']);
  });

  test('a migration that found nothing to do is no change', () => {
    const events = [...TWO.events, up(40, 'r-4', '3', '3')];
    expect(schemaSince(history(events), ms(35), '3').standing).toBe('same');
  });

  test('after a restore that nobody saw the end of, the tool is believed; without one, nobody knows, but for what came later', () => {
    const cut = history([...TWO.events, { ...restored(40, 5), kind: 'restoring' }]);
    expect(schemaSince(cut, ms(15), null)).toMatchObject({ standing: 'unknown' });
    expect(schemaSince(cut, ms(35), null)).toMatchObject({ standing: 'unknown' });
    expect(schemaSince(cut, ms(15), '1')).toMatchObject({ standing: 'same' });
    expect(schemaSince(cut, ms(15), '3')).toMatchObject({ standing: 'newer' });
    expect(schemaSince(cut, ms(45), null)).toMatchObject({ standing: 'same' });
  });

  test('what a contract took away has no way back', () => {
    const taken: SchemaEvent = { ...up(40, 'r-3', '3', '3'), kind: 'contract' };
    const [change] = schemaSince(history([...TWO.events, taken]), ms(35), null).changes;
    expect(change).toMatchObject({ compatible: false, reversible: false, down: { state: 'none' } });
  });
});

test('a backup has changes beyond a version when it was taken after a migration that is not there any more', () => {
  const events = [...TWO.events, down(40, 'r-3', '2')];
  expect(changesBeyond(history(events), then(50), then(35)).map((one) => one.release)).toEqual(['r-3']);
  expect(changesBeyond(history(events), then(50), then(25))).toEqual([]);
  expect(changesBeyond(history(events), then(15), then(25)).map((one) => one.release)).toEqual(['r-2']);
});

test('data that was found at the revision of a change has it, although its step was over later; what is recorded is in it in any case', () => {
  const names = (revision: string | null): string[] =>
    changesBeyond(TWO, then(5), then(15, revision)).map((one) => one.release);
  expect(names('1')).toEqual(['r-1']);
  expect(names('2')).toEqual(['r-1', 'r-2']);
  // Found before, and changed until it was captured.
  expect(names('0')).toEqual(['r-1']);
  // Only the step that was under way then can have changed it.
  expect(names('3')).toEqual(['r-1']);
});

test('a restore brings back the schema of the moment that its backup is of', () => {
  const events = [...TWO.events, { ...restored(50, 15), takenRevision: '2' }];
  expect(revisionAt(history(events), then(60))).toBe('2');
  expect(revisionAt(history([...TWO.events, restored(50, 15)]), then(60))).toBe('1');
  expect(revisionAt(history([{ ...restored(50, 15), takenRevision: '2' }]), then(60))).toBeNull();
});

test('before the first change the data was at what that one found', () => {
  expect(revisionAt(TWO, then(5))).toBe('0');
});

test('changes in effect of releases are those that nothing has taken back', () => {
  const events = [...TWO.events, down(40, 'r-3', '2'), { ...up(45, 'r-4', '2', '4'), release: null }];
  expect(changesInEffect(events)).toEqual([
    { release: 'r-1', at: at(10) },
    { release: 'r-2', at: at(20) },
  ]);
});
