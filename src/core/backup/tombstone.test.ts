import { expect, test } from 'vitest';
import { hasShrunk } from './manifest.ts';
import { missingPredecessors, parseTombstone, tombstoneText, type Tombstone } from './tombstone.ts';

const ID = 'bk_20261121T004311Z_notes_production_manual_aaaaaa';
const TOMBSTONE: Tombstone = {
  format: 1,
  id: ID,
  service: 'notes',
  environment: 'production',
  createdAt: '2026-11-21T00:43:11.000Z',
  manifest: 'a'.repeat(64),
  previous: null,
  prunedAt: '2026-11-28T00:00:00.000Z',
  why: 'no rule keeps it any more',
};

test('a tombstone is read as it was written', () => {
  expect(parseTombstone(tombstoneText(TOMBSTONE), ID)).toEqual(TOMBSTONE);
});

test.each<[string, object]>([
  ['another id', { id: ID.replace('aaaaaa', 'bbbbbb') }],
  ['another service', { service: 'shop' }],
  ['no digest', { manifest: 'x' }],
  ['a time that cannot be compared', { prunedAt: 'yesterday' }],
  ['another format', { format: 2 }],
])('a tombstone with %s is none', (_, change) => {
  expect(parseTombstone(tombstoneText({ ...TOMBSTONE, ...change } as Tombstone), ID)).toBeNull();
});

test('a tombstone that is cut, or spelt in another way, is none', () => {
  const text = tombstoneText(TOMBSTONE);
  expect(parseTombstone(text.slice(0, -1), ID)).toBeNull();
  expect(parseTombstone(JSON.stringify(TOMBSTONE, null, 1), ID)).toBeNull();
  expect(parseTombstone('null', ID)).toBeNull();
});

test('a chain misses the one that is neither there nor pruned', () => {
  const link = (id: string, previous: string | null) => ({ id, manifest: id, previous });
  expect(missingPredecessors([link('a', null), link('b', 'a'), link('c', 'b')])).toEqual([]);
  expect(missingPredecessors([link('a', null), link('c', 'b')])).toEqual(['c']);
});

test('data has shrunk when less than half of it is left', () => {
  expect([hasShrunk(100, 49), hasShrunk(100, 50), hasShrunk(0, 0)]).toEqual([true, false, false]);
});
