import { expect, test } from 'vitest';
import { freedBytes } from './freed-bytes.ts';
import type { Manifest } from './manifest.ts';

/** What of a manifest decides: parts of its own, and objects by their hash. */
function manifestOf(part: string, objects: string[]): Manifest {
  const stored = (sha256: string, bytes: number) => ({ codec: 'none' as const, bytes, sha256 });
  const store = {
    name: 'files',
    parts: [{ path: `files/${part}`, bytes: 999, sha256: part, stored: stored(part, 10) }],
    objects: objects.map((name) => ({ path: `files/objects/${name}`, bytes: 999, stored: stored(name, 100) })),
  };
  return { stores: [store], totals: { files: 0, bytes: 999 } } as unknown as Manifest;
}

test('an object becomes free with its last holder alone, as large as it lies there', () => {
  const backups = [
    { id: 'bk_1', manifest: manifestOf('a', ['x', 'y']), leaves: true },
    { id: 'bk_2', manifest: manifestOf('b', ['x', 'y', 'z']), leaves: true },
    { id: 'bk_3', manifest: manifestOf('c', ['x']), leaves: false },
  ];
  expect([...freedBytes(backups)]).toEqual([
    ['bk_2', 10 + 200],
    ['bk_1', 10],
  ]);
});

test('all of what all hold becomes free when all leave, and nothing is counted twice', () => {
  const leaving = ['1', '2'].map((id) => ({ id, manifest: manifestOf(id, ['x']), leaves: true }));
  expect([...freedBytes(leaving).values()].reduce((sum, one) => sum + one, 0)).toBe(10 + 10 + 100);
});

test('nothing is known of a backup whose manifest is not, and nothing of one that stays', () => {
  const unknown = { id: 'bk_1', manifest: null, leaves: true };
  const stays = { id: 'bk_2', manifest: manifestOf('a', ['x']), leaves: false };
  expect([...freedBytes([unknown, stays])]).toEqual([['bk_1', 0]]);
});

test('equal parts of two backups are two files', () => {
  const leaving = { id: 'bk_1', manifest: manifestOf('a', []), leaves: true };
  const stays = { id: 'bk_2', manifest: manifestOf('a', []), leaves: false };
  expect([...freedBytes([leaving, stays])]).toEqual([['bk_1', 10]]);
});
