import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { countChanges } from './live-tree.ts';

const LONG_AGO = new Date('2026-01-01T00:00:00.000Z');

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-files-'));
  mkdirSync(join(project, 'data/sub'), { recursive: true });
  for (const name of ['one', 'two', 'sub/three']) writeFileSync(join(project, 'data', name), 'word');
  symlinkSync('one', join(project, 'data/link'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

/** What is seen of an act that was done after the capture. */
async function seenAfter(act: () => void): Promise<unknown> {
  const paths = ['one', 'two', 'sub/three', 'sub', ''].map((name) => join(project, 'data', name));
  for (const path of paths) utimesSync(path, LONG_AGO, LONG_AGO);
  // A clock of the disk may be some milliseconds behind; the moment of the capture lies clearly after all that was there.
  const before = Date.now();
  while (Date.now() < before + 50) readFileSync(paths[0] as string);
  const consistentAt = new Date().toISOString();
  while (Date.now() < before + 100) readFileSync(paths[0] as string);
  act();
  const capture = { engine: '', consistentAt, liveBytes: 12, counters: {}, fingerprint: '' };
  const tree = { paths: ['data'], isExcluded: () => false, projectDirectory: project };
  const found = await countChanges(tree, capture, createEffect(project));
  return Object.fromEntries(
    Object.entries(found).filter(([name, count]) => name.endsWith('Since') && count !== 0),
  );
}

test.each<[string, () => void, object]>([
  ['nothing', () => undefined, {}],
  ['a file that was written', () => writeFileSync(join(project, 'data/one'), 'else'), { filesWrittenSince: 1 }],
  [
    'a file that was written and got its old time again',
    () => {
      writeFileSync(join(project, 'data/one'), 'else');
      utimesSync(join(project, 'data/one'), LONG_AGO, LONG_AGO);
    },
    { filesTouchedSince: 1 },
  ],
  [
    'a file that was renamed',
    () => renameSync(join(project, 'data/one'), join(project, 'data/other')),
    { filesTouchedSince: 1, foldersChangedSince: 1 },
  ],
  [
    'a link that leads elsewhere',
    () => {
      rmSync(join(project, 'data/link'));
      symlinkSync('two', join(project, 'data/link'));
    },
    { linksChangedSince: 1, foldersChangedSince: 1 },
  ],
])('%s shows in the times of what is there', async (_, act, expected) => {
  expect(await seenAfter(act)).toEqual(expected);
});
