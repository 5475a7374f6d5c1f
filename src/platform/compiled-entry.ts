import { fileURLToPath } from 'node:url';

/**
 * Where the compiled program `name` (such as `serve.js`) beside the module `here` lies: beside it, or under dist/ when we run from the sources.
 * A process that we start is always the compiled one; Node does not run our sources.
 */
export function compiledEntry(here: string, name: string): string {
  const beside = fileURLToPath(new URL(`./${name}`, here));
  if (!fileURLToPath(here).endsWith('.ts')) return beside;
  const source = beside.lastIndexOf('/src/');
  return `${beside.slice(0, source)}/dist/${beside.slice(source + '/src/'.length)}`;
}
