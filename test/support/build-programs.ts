import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

// Below node_modules, so that what is built finds the libraries.
const PLACE = resolve('node_modules/.cache/shipway-test');
const FOLDER_VARIABLE = 'SHIPWAY_TEST_PROGRAMS';

/** Libraries of many files; the others are loaded as they were installed. */
const INSIDE = /^(?:kysely|pg|yaml|zod)(?:\/|$)/;

/**
 * Builds the programs that tests start and kill from the sources of this moment, once for the whole run: each of hundreds of processes
 * would otherwise translate hundreds of files by itself. Returns what deletes them.
 */
export async function buildPrograms(): Promise<() => void> {
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'programs-'));
  const bundle = await rolldown({
    input: Object.fromEntries([...programs(), ...imported()].map((source) => [source.replace(/\.ts$/, ''), source])),
    platform: 'node',
    external: (id) => id === 'pg-native' || (/^[@a-z]/.test(id) && !INSIDE.test(id)),
  });
  await bundle.write({ dir: folder, format: 'esm', chunkFileNames: 'chunks/[name]-[hash].js' });
  await bundle.close();
  process.env[FOLDER_VARIABLE] = folder; // the processes of the tests inherit it
  return () => rmSync(folder, { recursive: true, force: true });
}

function programs(): string[] {
  return readdirSync('test/fixtures/processes')
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `test/fixtures/processes/${name}`);
}

/** What the code that tests hand to `startTypescript` imports. */
function imported(): string[] {
  const tests = ['src', 'test'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') || name.endsWith('.suite.ts'))
      .map((name) => join(root, name)),
  );
  const texts = tests.map((path) => readFileSync(path, 'utf8'));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(IMPORT)].map(([, source = '']) => source)))];
}

/** An import of code for `startTypescript`; `@` stands for the root of the repository. */
export const IMPORT = /(?<=from ')@\/([^']+\.ts)(?=')/g;

/** Where the built form of a source lies, a path from the root of the repository. */
export function builtProgram(source: string): string {
  const path = join(process.env[FOLDER_VARIABLE] ?? '', source.replace(/\.ts$/, '.js'));
  if (existsSync(path)) return path;
  throw new Error(`${source} was not built for tests; see test/support/build-programs.ts`);
}
