import { dirname, join, resolve } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { exists } from '../platform/files.ts';

/** Names of a release file, in the order in which they are looked for. */
export const RELEASE_FILE_NAMES = [
  'shipway.yaml',
  'shipway.yml',
  'shipway.json',
  'shipway.config.ts',
  'shipway.config.js',
] as const;

/** Where a project is: the folder of its release file, or the folder itself when there is none yet. */
export interface Project {
  directory: string;
  releaseFile: string | null;
}

/** Looks for the release file from the folder upwards, to the root of the git repository at most. */
export function findProject(from: string, configPath: string | null): Project {
  if (configPath !== null) {
    const path = resolve(from, configPath);
    if (exists(path)) return { directory: dirname(path), releaseFile: path };
    throw problem('config-missing', `there is no release file ${path}`, {
      where: path,
      next: 'Name an existing one with --config.',
    });
  }
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const name = RELEASE_FILE_NAMES.find((candidate) => exists(join(folder, candidate)));
    if (name !== undefined) return { directory: folder, releaseFile: join(folder, name) };
    if (exists(join(folder, '.git')) || dirname(folder) === folder)
      return { directory: resolve(from), releaseFile: null };
  }
}
