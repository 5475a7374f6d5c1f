import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compiledEntry } from './compiled-entry.ts';
import { packageFolder, programFolder } from './package-folder.ts';

const dist = join(packageFolder(), 'dist');

test('the package is found from the sources, and what lies beside the code in them', () => {
  expect(JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8'))).toMatchObject({ name: 'shipway' });
  expect(programFolder()).toBe(join(packageFolder(), 'src'));
});

test('what lies beside the code in the sources lies at the same place in the build', () => {
  const migrations = (program: string): string[] => readdirSync(join(program, 'state', 'migrations'));
  expect(migrations(dist)).toEqual(migrations(programFolder()));
  expect(existsSync(compiledEntry('adapters/routers/builtin/serve.js'))).toBe(true);
});

test('every library that is inside the build has its licence there', () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  const parts = files.flatMap((name) => [
    ...readFileSync(join(dist, name), 'utf8').matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)\//gm),
  ]);
  const libraries = [...new Set(parts.map(([, library]) => library))];
  expect(libraries).toContain('kysely');
  const licences = readFileSync(join(dist, 'LICENSES.txt'), 'utf8');
  for (const library of libraries) expect(licences).toMatch(new RegExp(`^${library} \\d`, 'm'));
});
