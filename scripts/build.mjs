// Puts src/ together into the few files of dist/ and adds what is not code. Few files because a program of many starts slowly:
// docs/decisions/2026-11-22-few-files-start-faster.md. Types are not looked at here; that is `npm run typecheck`.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

// What a process is started with.
const PROGRAMS = [
  'main',
  'adapters/routers/builtin/serve',
  'adapters/stores/redis/guard-copy',
  'adapters/stores/sqlite/serve-database',
];
// What the scripts of the repository and programs of tests read: it keeps its path and its names.
const PARTS = [
  'adapters/migrators/index',
  'adapters/stores/index',
  'adapters/targets/index',
  'adapters/vaults/index',
  'cli/command-reference',
  'core/config/json-schema',
  'core/config/reference-page',
  'core/migration/rule-page',
  'platform/answer-parent',
  'platform/clock',
  'platform/variables',
  'wiring/adapters',
];
const MIGRATIONS = join('state', 'migrations');
// Libraries of many files that nearly every command needs. The others are loaded as they were installed, where they are needed.
const INSIDE = ['commander', 'kysely', 'pg', 'yaml', 'zod'];

const outside = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies).filter(
  (name) => !INSIDE.includes(name),
);

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries([...PROGRAMS, ...PARTS].map((name) => [name, join('src', `${name}.ts`)])),
  platform: 'node',
  // Asked by pg and zod whether they run at Cloudflare. Without it, on Node 20, pg finds out by loading the whole of fetch: 40 ms.
  transform: { define: { navigator: '{"userAgent":"Node.js"}' } },
  // pg asks for pg-native, which is not there, only when it is told to.
  external: (id) => id === 'pg-native' || outside.some((name) => id === name || id.startsWith(`${name}/`)),
});
// A name with a hash: a program that is still running never reads half of the next one.
const { output } = await bundle.write({
  dir: dist,
  format: 'esm',
  chunkFileNames: 'chunks/[name]-[hash].js',
});
await bundle.close();

cpSync(join(root, 'src', MIGRATIONS), join(dist, MIGRATIONS), { recursive: true });
writeFileSync(join(dist, 'LICENSES.txt'), licences());
removeOlder(new Set([...output.map(({ fileName }) => join(fileName)), 'LICENSES.txt']));

/** What an earlier build left. Folders stay: an empty one harms nobody. */
function removeOlder(written) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(dist, path);
    if (entry.isFile() && !written.has(name) && !existsSync(join(root, 'src', MIGRATIONS, entry.name))) rmSync(path);
  }
}

/** The libraries that are in our files ask that their licence goes with them. */
function licences() {
  const folders = new Set(
    output.flatMap(({ moduleIds = [] }) =>
      moduleIds.flatMap((id) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []),
    ),
  );
  return [...folders]
    .sort((one, other) => one.localeCompare(other))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const text = licenceIn(folder);
      if (text === null)
        throw new Error(`${name} (${license}) has no text of its licence, so it cannot be put into our files`);
      return `${name} ${version}\n\n${text.trim()}\n`;
    })
    .join('\n---\n\n');
}

/** A file of its own, or that part of the README. */
function licenceIn(folder) {
  const files = readdirSync(folder);
  const own = files.find((one) => /^licen[cs]e/i.test(one));
  if (own !== undefined) return readFileSync(join(folder, own), 'utf8');
  const readme = files.find((one) => /^readme/i.test(one));
  if (readme === undefined) return null;
  return /^#+ *licen[cs]e *$([^]*?)(?=^#+ |$(?![^]))/im.exec(readFileSync(join(folder, readme), 'utf8'))?.[1] ?? null;
}
