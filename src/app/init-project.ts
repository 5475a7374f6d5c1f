import { join } from 'node:path';
import type { Kinds } from '../core/config/kinds.ts';
import { problem } from '../core/release/problem.ts';
import { ensureDirectory, exists, readText, writeAtomically } from '../platform/files.ts';
import type { App } from './app.ts';
import { printSchema } from './print-schema.ts';
import { starterFile } from './starter-file.ts';

const RELEASE_FILE = 'shipway.yaml';
const OTHER_NAMES = ['shipway.yml', 'shipway.json', 'shipway.config.ts', 'shipway.config.js'];
const IGNORED = '.shipway/';

/** One file that init makes, with its whole text. */
export interface ProjectFile {
  /** Relative to the project. */
  path: string;
  text: string;
  mode: number;
  /** `write`: it is not there. `replace`: ours, made anew. `append`: one line is added. */
  how: 'write' | 'replace' | 'append';
}

/** What init would write. Throws `refused` where there is a release file already: it is never overwritten. */
export async function planProject(app: App, kinds: Kinds): Promise<ProjectFile[]> {
  const folder = app.projectDirectory;
  const existing = [RELEASE_FILE, ...OTHER_NAMES].find((name) => exists(join(folder, name)));
  if (existing !== undefined) {
    throw problem('refused', `${existing} is there already and is not overwritten`, {
      where: join(folder, existing),
      next: 'Check it: shipway doctor',
    });
  }
  const schemaThere = exists(join(folder, '.shipway', 'schema.json'));
  return [
    {
      path: RELEASE_FILE,
      text: starterFile(await readText(join(folder, 'package.json')), folder),
      mode: 0o644,
      how: 'write',
    },
    { path: '.shipway/schema.json', text: printSchema(kinds), mode: 0o644, how: schemaThere ? 'replace' : 'write' },
    ...(await ignoreLine(folder)),
  ];
}

/** Writes what was planned. */
export async function initProject(app: App, files: readonly ProjectFile[]): Promise<void> {
  await ensureDirectory(join(app.projectDirectory, '.shipway'));
  for (const { path, text, mode } of files) await writeAtomically(join(app.projectDirectory, path), text, mode);
}

async function ignoreLine(folder: string): Promise<ProjectFile[]> {
  const text = await readText(join(folder, '.gitignore'));
  if (text === null) return [{ path: '.gitignore', text: `${IGNORED}\n`, mode: 0o644, how: 'write' }];
  if (text.split('\n').some((line) => /^\/?\.shipway\/?\s*$/.test(line))) return [];
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return [{ path: '.gitignore', text: `${text}${end}${IGNORED}\n`, mode: 0o644, how: 'append' }];
}
