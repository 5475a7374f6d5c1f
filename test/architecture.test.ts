import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkArchitecturePaths, checkCoverage } from './architecture/document-rules.ts';
import { formatFindings } from './architecture/finding.ts';
import type { Finding } from './architecture/finding.ts';
import * as imports from './architecture/import-rules.ts';
import { CLEAN, FAULTS } from './architecture/planted-faults.ts';
import { readTree } from './architecture/read-tree.ts';
import type { Tree } from './architecture/read-tree.ts';
import * as shapes from './architecture/shape-rules.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

interface Rule {
  title: string;
  check(tree: Tree): Finding[];
}

const RULES = {
  folders: { title: 'every file lies in a folder of the layout', check: imports.checkFolders },
  directions: { title: 'folders import only what their row of the table allows', check: imports.checkDirections },
  doors: { title: 'each outside library and Node module has one door', check: imports.checkDoors },
  purity: { title: 'core has no clock, chance, environment, disk or network', check: imports.checkPurity },
  targets: { title: 'the program imports existing files and no tests', check: imports.checkTargets },
  cycles: { title: 'no file imports itself by way of others, types included', check: imports.checkCycles },
  any: { title: 'nothing is of type any', check: shapes.checkAny },
  defaults: { title: 'nothing in src is a default export', check: shapes.checkDefaultExports },
  names: { title: 'files are named after the one thing they hold', check: shapes.checkNames },
  fileLengths: { title: 'files have at most 400 lines', check: shapes.checkFileLengths },
  functionLengths: { title: 'functions have at most 50 lines', check: shapes.checkFunctionLengths },
  parameters: { title: 'functions take at most 4 arguments', check: shapes.checkParameterCounts },
  steps: { title: 'the kind of a step is the name of its file', check: shapes.checkStepKinds },
  map: { title: 'ARCHITECTURE.md names only what exists', check: checkArchitecturePaths },
  coverage: { title: 'docs/coverage.md has each of the 83 capabilities once', check: checkCoverage },
} satisfies Record<string, Rule>;
const RULE_BY_NAME: Record<string, Rule | undefined> = RULES;

describe('the project', () => {
  let tree: Tree;
  beforeAll(() => {
    tree = readTree(ROOT);
  });

  test.each(Object.values(RULES))('$title', ({ check }) => {
    expect(formatFindings(check(tree))).toBe('');
  });

  test('has source files to look at', () => {
    expect(tree.sources.length).toBeGreaterThan(50);
  });
});

describe('the rules', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'shipway-architecture-'));
    for (const [path, content] of Object.entries(CLEAN)) plant(path, content);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function plant(path: string, content: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }

  test('find nothing in a project that keeps them', () => {
    const tree = readTree(root);
    expect(Object.values(RULES).map(({ check }) => formatFindings(check(tree)))).toEqual(
      Object.keys(RULES).map(() => ''),
    );
  });

  test.each(FAULTS)('%s: finds %s', (rule, _what, path, content, message) => {
    if (content === null) rmSync(join(root, path));
    else plant(path, content);
    expect(formatFindings(RULE_BY_NAME[rule]?.check(readTree(root)) ?? [])).toContain(message);
  });

  test('each is proven by at least one planted fault', () => {
    expect(Object.keys(RULES).filter((name) => !FAULTS.some(([rule]) => rule === name))).toEqual([]);
  });
});
