import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Plan } from '../core/plan/plan.ts';
import type { Effect } from '../platform/effect.ts';
import { refuseUsedFolder } from './refuse-used-folder.ts';

let project: string;
beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-into-')));
  mkdirSync(join(project, 'uploads'));
  symlinkSync(join(project, 'uploads'), join(project, 'link'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const plan = {
  backupDirectory: '.shipway/backups',
  stores: [
    { name: 'uploads', kind: 'files', settings: { paths: ['$UPLOADS'] } },
    { name: 'orders', kind: 'postgres', settings: { url: '$URL', physical: { directory: 'pg/main' } } },
  ],
} as unknown as Plan;

async function into(name: string): Promise<string> {
  const effect = { projectDirectory: project, resolve: (text: string) => text.replace('$UPLOADS', 'uploads') };
  const refused = refuseUsedFolder(join(project, name), plan, effect as unknown as Effect);
  return refused.then(
    () => 'allowed',
    (error: Error) => error.message.replace(`${project}/`, ''),
  );
}

test.each([
  ['uploads', 'uploads is inside the live data of uploads'],
  ['uploads/look/a', 'uploads/look/a is inside the live data of uploads'],
  ['link/look', 'link/look is inside the live data of uploads'],
  ['pg/main/look', 'pg/main/look is inside the live data of orders'],
  ['.shipway/backups/look', '.shipway/backups/look is inside the folder of the backups'],
  ['look', 'allowed'],
  ['uploads-look', 'allowed'],
  ['..look', 'allowed'],
])('a backup is written into %s: %s', async (name, said) => {
  expect(await into(name)).toBe(said);
});
