import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runGapped } from '../../test/support/run-gapped.ts';
import { findReplacedFiles, readWithMode, replaceFile } from './replace-file.ts';

const PROGRAM = 'test/fixtures/processes/replace-act.ts';
const LIMIT_MS = 60_000;

let folder: string;
let path: string;
let aside: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-replace-'));
  path = join(folder, '.env');
  aside = `${path}.replaced-r-0002`;
  writeFileSync(path, 'new', { mode: 0o640 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = (file: string): string => readFileSync(file, 'utf8');
const old = { bytes: Buffer.from('old'), mode: 0o600 };

test('the file is back with its mode, and what was there stays beside it', async () => {
  expect(await replaceFile(path, old, 'r-0002')).toBe(aside);
  expect([text(path), text(aside)]).toEqual(['old', 'new']);
  expect(await readWithMode(path)).toEqual(old);
  expect(statSync(aside).mode & 0o777).toBe(0o640);
  expect(await findReplacedFiles(path)).toMatchObject([{ path: aside, tag: 'r-0002', bytes: 3 }]);
});

test('doing it twice keeps what was there first', async () => {
  await replaceFile(path, old, 'r-0002');
  await replaceFile(path, old, 'r-0002');
  expect([text(path), text(aside)]).toEqual(['old', 'new']);
});

test('a link is followed: what it leads to is replaced', async () => {
  const shared = join(folder, 'shared.env');
  writeFileSync(shared, 'new');
  rmSync(path);
  symlinkSync('shared.env', path);
  await replaceFile(path, old, 'r-0002');
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect([text(shared), text(aside)]).toEqual(['old', 'new']);
  expect(await findReplacedFiles(path)).toMatchObject([{ path: aside, tag: 'r-0002' }]);
});

test('a file that is gone comes back, and nothing is kept aside', async () => {
  rmSync(path);
  await replaceFile(path, old, 'r-0002');
  expect(text(path)).toBe('old');
  expect(existsSync(aside)).toBe(false);
  expect(await readWithMode(join(folder, 'nothing'))).toBeNull();
});

test(
  'killed at every gap the place holds the one or the other, whole, and doing it again finishes it',
  async () => {
    const order = { path, text: 'old', mode: 0o600, tag: 'r-0002' };
    const { passed } = await runGapped(PROGRAM, order, null);
    expect(passed).toEqual(['environment.kept-aside', 'environment.put-back']);
    for (const gap of passed) {
      rmSync(aside, { force: true });
      writeFileSync(path, 'new');
      expect((await runGapped(PROGRAM, order, gap)).signal).toBe('SIGKILL');
      expect(['old', 'new']).toContain(text(path));
      expect(text(aside)).toBe('new');
      expect((await runGapped(PROGRAM, order, null)).exitCode).toBe(0);
      expect([text(path), text(aside)]).toEqual(['old', 'new']);
    }
  },
  LIMIT_MS,
);
