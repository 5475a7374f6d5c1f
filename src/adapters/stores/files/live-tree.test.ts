import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
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

/** Waits until the clock of the disk, which may be some milliseconds behind ours, is past that moment, and says what it is. */
async function diskClockPast(moment: number): Promise<number> {
  for (;;) {
    writeFileSync(join(project, 'clock'), String(moment));
    const { ctimeMs } = statSync(join(project, 'clock'));
    if (ctimeMs > moment) return ctimeMs;
    await setImmediate();
  }
}

/** What is seen of an act that was done after the capture. */
async function seenAfter(act: () => void): Promise<unknown> {
  const paths = ['one', 'two', 'sub/three', 'sub', ''].map((name) => join(project, 'data', name));
  for (const path of paths) utimesSync(path, LONG_AGO, LONG_AGO);
  const captured = Math.ceil(await diskClockPast(Math.max(...paths.map((path) => statSync(path).ctimeMs)) + 1));
  await diskClockPast(captured + 1);
  const consistentAt = new Date(captured).toISOString();
  act();
  const capture = { engine: '', consistentAt, liveBytes: 12, counters: {}, fingerprint: '' };
  const tree = { paths: ['data'], isExcluded: () => false, projectDirectory: project };
  const found = await countChanges(tree, capture, createEffect(project));
  return Object.fromEntries(Object.entries(found).filter(([name, count]) => name.endsWith('Since') && count !== 0));
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
