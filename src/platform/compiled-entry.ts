import { join } from 'node:path';
import { packageFolder } from './package-folder.ts';

/** The compiled program `name`, a path below dist. A process that we start is always the compiled one; Node does not run our sources. */
export function compiledEntry(name: string): string {
  return join(packageFolder(), 'dist', name);
}
