import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { scanSource } from './scan-source.ts';
import type { ScannedSource } from './scan-source.ts';

/** A source file with its path from the root of the project, with `/` between folders. */
export interface SourceFile extends ScannedSource {
  path: string;
  isTest: boolean;
}

/** What the rules look at. */
export interface Tree {
  root: string;
  sources: SourceFile[];
}

const FOLDERS = ['src', 'ui', 'test', 'scripts', 'bench', 'examples', 'bin'];
const SOURCE = /\.(ts|tsx|mts|js|mjs)$/;
const LEFT_OUT = new Set(['node_modules', 'dist', '.shipway', 'coverage']);

/** Reads all source files of a project (or of a planted one). */
export function readTree(root: string): Tree {
  const paths = FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    listFiles(join(root, folder)),
  );
  const sources = paths
    .map((path) => relative(root, path).split(sep).join('/'))
    .filter((path) => SOURCE.test(path))
    .map((path) => ({ path, isTest: isTestFile(path), ...scanSource(readFileSync(join(root, path), 'utf8')) }));
  return { root, sources };
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !LEFT_OUT.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? listFiles(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

/** Tests and contract suites: they may use what the file beside them may not, and their `describe` blocks may be long. */
function isTestFile(path: string): boolean {
  return /\.(test|suite|soak)\.ts$/.test(path);
}
