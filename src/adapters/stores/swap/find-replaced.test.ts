import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findReplaced } from './find-replaced.ts';
import { discardReplaced, noteFinished, noteStaged, swapIn } from './swap-data.ts';
import { swapNames } from './swap-journal.ts';

let folder: string;
let live: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-swap-'));
  live = join(folder, 'main');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function swapped(): Promise<{ keptAt: string | null }> {
  const { place, keptAt, journal } = swapNames(live, 'bk_1');
  writeFileSync(live, 'new');
  writeFileSync(place, 'old');
  await noteStaged(journal, [{ live, staged: place, kept: keptAt }], []);
  return swapIn({ place }, () => Promise.resolve());
}

test('data that a server serves is half swapped until the server was started on it, and what it replaced is not deleted before', async () => {
  const record = await swapped();
  expect(await findReplaced([live], 'served')).toMatchObject([
    { state: 'half', staged: { place: `${live}.restore-bk_1` } },
  ]);
  await expect(discardReplaced(record, 'served')).rejects.toThrow('interrupted half way');
  await noteFinished(record);
  expect(await findReplaced([live], 'served')).toMatchObject([{ state: 'replaced' }]);
  await discardReplaced(record, 'served');
  expect(await findReplaced([live], 'served')).toEqual([]);
});

test('data that the service opens itself is swapped when it is in place', async () => {
  await swapped();
  expect(await findReplaced([live])).toMatchObject([{ state: 'replaced' }]);
});
