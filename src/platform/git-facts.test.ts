import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gitFacts } from './git-facts.ts';

const ENVIRONMENT = { PATH: process.env['PATH'] ?? '' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-git-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function git(...words: string[]): string {
  const who = ['-c', 'user.name=ana', '-c', 'user.email=ana@example.com'];
  return execFileSync('git', [...who, ...words], { cwd: folder, encoding: 'utf8' }).trim();
}

test('commit and tag of the folder are told, and whether tracked files differ from it', async () => {
  git('init', '--quiet');
  expect(await gitFacts(folder, ENVIRONMENT)).toBeNull();
  mkdirSync(join(folder, 'service'));
  writeFileSync(join(folder, 'service/a'), '1');
  writeFileSync(join(folder, 'other'), '1');
  git('add', '-A');
  git('commit', '--quiet', '-m', 'one');
  const hash = git('rev-parse', 'HEAD');
  expect(await gitFacts(folder, ENVIRONMENT)).toEqual({ hash, tag: null, changed: false });
  git('tag', 'v1.0.0');
  writeFileSync(join(folder, 'other'), '2');
  writeFileSync(join(folder, 'service/untracked'), '1');
  // Only what is below the folder of the service counts.
  expect(await gitFacts(join(folder, 'service'), ENVIRONMENT)).toEqual({ hash, tag: 'v1.0.0', changed: false });
  writeFileSync(join(folder, 'service/a'), '2');
  expect(await gitFacts(join(folder, 'service'), ENVIRONMENT)).toEqual({ hash, tag: 'v1.0.0', changed: true });
});

test('a folder in no repository, and a machine without git, are told as null', async () => {
  expect(await gitFacts(folder, { ...ENVIRONMENT, GIT_CEILING_DIRECTORIES: tmpdir() })).toBeNull();
  expect(await gitFacts(folder, { PATH: folder })).toBeNull();
});
