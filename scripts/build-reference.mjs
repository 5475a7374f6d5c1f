// Writes the pages of docs/reference that follow from the code. Run after the build: it reads dist/.
// usage: node scripts/build-reference.mjs [--check]   exit 1 when a page differs from what would be written, or dist/ is not there
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'prettier';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const REFERENCE = join(root, 'docs', 'reference');

function load(path) {
  return import(pathToFileURL(join(root, 'dist', path)).href);
}

/** Every generated page by its file name, formatted as the repository is. */
export async function referencePages() {
  const [{ referencePage }, { jsonSchema }, { kinds }, { cliReferencePages }, { rulePage }] = await Promise.all([
    load('core/config/reference-page.js'),
    load('core/config/json-schema.js'),
    load('wiring/adapters.js'),
    load('cli/command-reference.js'),
    load('core/migration/rule-page.js'),
  ]);
  const pages = {
    'release-file.md': referencePage(kinds),
    'shipway.schema.json': JSON.stringify(jsonSchema(kinds)),
    'migration-rules.md': rulePage(),
    ...cliReferencePages(),
  };
  const options = JSON.parse(readFileSync(join(root, '.prettierrc.json'), 'utf8'));
  const formatted = Object.entries(pages).map(async ([name, text]) => [
    name,
    await format(text, { ...options, filepath: join(REFERENCE, name) }),
  ]);
  return Object.fromEntries(await Promise.all(formatted));
}

function differing(pages) {
  return Object.keys(pages).filter((name) => {
    const path = join(REFERENCE, name);
    return !existsSync(path) || readFileSync(path, 'utf8') !== pages[name];
  });
}

async function main() {
  if (!existsSync(join(root, 'dist', 'wiring', 'adapters.js'))) {
    process.stdout.write('reference: dist/ is not built; type npm run build first\n');
    return 1;
  }
  const pages = await referencePages();
  const names = differing(pages);
  if (process.argv.includes('--check')) {
    for (const name of names) {
      process.stdout.write(
        `docs/reference/${name}: is not what the code says; type npm run build && npm run reference\n`,
      );
    }
    process.stdout.write(`reference: ${names.length === 0 ? 'in order' : `${names.length} to write again`}\n`);
    return names.length === 0 ? 0 : 1;
  }
  mkdirSync(REFERENCE, { recursive: true });
  for (const name of names) writeFileSync(join(REFERENCE, name), pages[name]);
  process.stdout.write(`reference: ${names.length === 0 ? 'nothing to change' : `wrote ${names.join(', ')}`}\n`);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
