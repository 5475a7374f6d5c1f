import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { problem } from '../core/release/problem.ts';

const HERE = fileURLToPath(import.meta.url);

/** Where this package lies, with bin, examples, and src or dist. The build puts many sources into one file, so nobody counts folders from where he stands. */
export function packageFolder(): string {
  for (let folder = dirname(HERE); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  throw problem('not-found', 'the program is not in the folder of its package', {
    where: HERE,
    next: 'Install shipway again.',
  });
}

/** `src` when the sources run, else `dist`. A file that is not code lies at the same place in both. */
export function programFolder(): string {
  return join(packageFolder(), HERE.endsWith('.ts') ? 'src' : 'dist');
}
