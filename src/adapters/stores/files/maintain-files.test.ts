import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { storeKinds } from '../index.ts';
import type { MaintenanceAct, MaintenanceReport } from '../maintenance.ts';

let project: string;
const run = (act: MaintenanceAct, exclude: string[] = []): Promise<MaintenanceReport> | undefined =>
  storeKinds.files
    .open({ paths: ['uploads'], exclude }, { projectDirectory: project })
    .maintenance?.run({ act, query: null }, createEffect(project));

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-files-'));
  mkdirSync(join(project, 'uploads/a'), { recursive: true });
  for (const name of ['one', 'a/two', 'a/old.tmp']) writeFileSync(join(project, 'uploads', name), 'word');
  symlinkSync('one', join(project, 'uploads/link'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

it.each(['count', 'check'] as const)(
  '%s tells what a backup would hold, and finds nothing in what can be read',
  async (act) => {
    expect(await run(act, ['*.tmp'])).toEqual({
      findings: [],
      figures: { bytes: 8, directories: 2, files: 2, links: 1 },
    });
  },
);

it('fails when there is nothing to look at', async () => {
  rmSync(join(project, 'uploads'), { recursive: true });
  await expect(run('check')).rejects.toMatchObject({ kind: 'check-failed', message: 'there is no uploads' });
});

it('check names every file that cannot be read, and goes on', async () => {
  chmodSync(project, 0o755);
  for (const name of ['one', 'a/two']) chmodSync(join(project, 'uploads', name), 0);
  // Root may read everything: the act is done as somebody else.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    const report = await run('check');
    expect(report?.findings.map((finding) => finding.replace(/:.*/s, ''))).toEqual([
      'uploads/a/two cannot be read',
      'uploads/one cannot be read',
    ]);
    expect((await run('count'))?.findings).toEqual([]);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
