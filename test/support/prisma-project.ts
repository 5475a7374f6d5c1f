import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const FIXTURE = resolve('test/fixtures/migrators/prisma');
// Beside our own packages: it is a project of its own with its own lock, and half of what it brings is needed by these tests alone.
const PLACE = resolve('node_modules/.cache/shipway-test/prisma');
const PROGRAM = join(PLACE, 'node_modules/prisma/build/index.js');

/** Prisma as npm gives it, without the engines that it downloads from elsewhere; installed when that is allowed. */
export function findPrisma(): { command: string[]; reason: string } {
  const command = [process.execPath, PROGRAM];
  if (existsSync(PROGRAM)) return { command, reason: '' };
  const isFull = process.env['CI'] === 'true' || process.env['SHIPWAY_TEST_FULL'] === '1';
  if (!isFull) return { command, reason: 'needs prisma: SHIPWAY_TEST_FULL=1 installs it with npm' };
  mkdirSync(dirname(PLACE), { recursive: true });
  // Made beside and renamed: another test file may be installing at the same time.
  const fresh = mkdtempSync(`${PLACE}-`);
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(FIXTURE, name), join(fresh, name));
  const ran = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: fresh, encoding: 'utf8' });
  if (ran.status === 0 && !existsSync(PLACE)) renameSync(fresh, PLACE);
  rmSync(fresh, { recursive: true, force: true });
  const said = `${ran.stdout ?? ''}${ran.stderr ?? ''}`.trimEnd().split('\n').at(-1) ?? '';
  return { command, reason: existsSync(PROGRAM) ? '' : `needs prisma: npm ci ended with ${ran.status}: ${said}` };
}

/** What Prisma looks for before it starts; the schema engine inside its package is what runs. */
export const PRISMA_ENV = {
  PRISMA_QUERY_ENGINE_LIBRARY: process.execPath,
  // Asked by `migrate resolve` whether it can connect; the commands that follow find out themselves.
  PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
  CHECKPOINT_DISABLE: '1',
};

/** The fixture as a project in the folder, with two migrations. */
export function writePrismaProject(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['prisma', 'prisma.config.mjs', 'package.json']) {
    cpSync(join(FIXTURE, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(PLACE, 'node_modules'), join(folder, 'node_modules'));
}
