import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkDocuments } from '../../scripts/check-docs.mjs';
import { countResults, summaryLine } from '../../scripts/count-results.mjs';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'shipway-scripts-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(path: string, content: string): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return join(root, path);
}

describe('the count at the end of npm test', () => {
  const report = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

  test('is one plain line', () => {
    expect(summaryLine(countResults(report, 0))).toBe('7 passed, 0 failed');
    expect(summaryLine(countResults({ ...report, numPendingTests: 2, numTodoTests: 1 }, 0))).toBe(
      '7 passed, 0 failed, 3 skipped',
    );
  });

  test('counts a file that could not be loaded as a failed test', () => {
    const testResults = [{ status: 'failed', assertionResults: [] }];
    expect(countResults({ ...report, testResults }, 1).failed).toBe(1);
  });

  test('counts a file with failed tests by its tests alone', () => {
    const testResults = [{ status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] }];
    expect(countResults({ ...report, numFailedTests: 1, testResults }, 1).failed).toBe(1);
  });

  test('never calls a run good that ended badly', () => {
    expect(countResults(report, 1).failed).toBe(1);
    expect(countResults(null, 0).failed).toBe(1);
  });
});

describe('the check of the documents', () => {
  const good =
    '# Title here\n[here](#title-here) [file](docs/a.md#part-2) [web](https://example.org) `src/a.ts` npm run demo\n';
  beforeEach(() => {
    plant('package.json', '{ "scripts": { "demo": "true" } }');
    plant('src/a.ts', '');
    plant('docs/a.md', '# A\n## Part 2!\n```\n[not](a-link.md)\n```\n');
    plant('README.md', good);
  });

  test('finds nothing where all is in order', () => {
    expect(checkDocuments(root)).toEqual([]);
  });

  test.each([
    ['a link to nowhere', '[x](docs/b.md)', 'README.md:1: links to docs/b.md, which does not exist'],
    [
      'a heading that is gone',
      '[x](docs/a.md#part-3)',
      'README.md:1: links to #part-3, but docs/a.md has no such heading',
    ],
    ['a path that is gone', 'see `src/b.ts`', 'names src/b.ts, which does not exist'],
    ['a command that is gone', 'type npm run demos', 'package.json has no such script'],
    ['a path of one machine', 'see /home/ana/shipway', 'has the path /home/ana of one machine'],
  ])('finds %s', (_what, text, message) => {
    plant('README.md', text);
    expect(checkDocuments(root)).toHaveLength(1);
    expect(checkDocuments(root)[0]).toContain(message);
  });

  test('finds a decision without its day', () => {
    plant('docs/decisions/one-package.md', '');
    expect(checkDocuments(root)[0]).toContain('is not named after its day');
  });
});

describe('install', () => {
  /** A copy of the script in a project of its own whose `npm` writes down that it was called and with what. */
  function install(): { stdout: string; status: number | null } {
    cpSync('scripts/install.mjs', join(root, 'scripts', 'install.mjs'));
    const env = { PATH: `${join(root, 'path')}:${process.env['PATH']}` };
    plant('path/npm', '#!/bin/sh\necho "npm called with $*"\n');
    spawnSync('chmod', ['+x', join(root, 'path', 'npm')]);
    return spawnSync(process.execPath, [join(root, 'scripts', 'install.mjs')], { env, encoding: 'utf8' });
  }

  test('installs as locked when there are no libraries', () => {
    plant('package-lock.json', '{}');
    expect(install().stdout).toBe(
      'install: npm ci (no libraries yet)\nnpm called with ci --no-audit --no-fund --loglevel=error\n',
    );
  });

  test('does nothing when the libraries are newer than the lock', () => {
    utimesSync(plant('package-lock.json', '{}'), 1000, 1000);
    plant('node_modules/.package-lock.json', '{}');
    expect(install()).toMatchObject({ status: 0, stdout: 'install: libraries are as locked\n' });
  });

  test('installs again when the lock has changed', () => {
    plant('package-lock.json', '{}');
    utimesSync(plant('node_modules/.package-lock.json', '{}'), 1000, 1000);
    expect(install().stdout).toContain('npm ci (package-lock.json has changed)');
  });
});

describe('bin/shipway.js', () => {
  test('says what to do when the program is not built', () => {
    cpSync('bin/shipway.js', join(root, 'bin', 'shipway.js'));
    plant('package.json', '{ "type": "module" }');
    const ran = spawnSync(process.execPath, [join(root, 'bin', 'shipway.js'), 'status'], { encoding: 'utf8' });
    expect(ran.stderr).toBe(
      'shipway: dist/main.js is not there, so nothing was done.\n  Next: npm run build (in the folder of shipway), then this again.\n',
    );
    expect(ran.status).toBe(1);
  });
});
