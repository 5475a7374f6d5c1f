// usage: node prepare.mjs DIRECTORY [PORT]
// Makes a project of its own out of this example: nothing below the installed package is ever written to.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SOURCE = dirname(fileURLToPath(import.meta.url));
const PARTS = ['shipway.yaml', 'checks', 'releases', 'service', 'traffic'];
const WRITTEN_PORT = '127.0.0.1:8080';
const SEED_NOTES = 20; // the notes the team had before shipway came: a first release finds data to protect

/** Fills the (new or empty) directory with the example, its data file at the schema of 1.0.0, and the given public port. */
export function prepareDemo(folder, port = 8080) {
  // The seeding programs run in another folder: a relative path would mean something else there.
  const directory = resolve(folder);
  mkdirSync(join(directory, 'data'), { recursive: true });
  for (const part of PARTS) cpSync(join(SOURCE, part), join(directory, part), { recursive: true });
  const releaseFile = join(directory, 'shipway.yaml');
  writeFileSync(releaseFile, readFileSync(releaseFile, 'utf8').replaceAll(WRITTEN_PORT, `127.0.0.1:${port}`));
  linkDatabaseLibrary(directory);
  seedData(directory);
}

// A copy outside the package would not find the package's libraries. Node follows the link, so libsql still finds its own parts.
function linkDatabaseLibrary(directory) {
  const installed = dirname(createRequire(import.meta.url).resolve('libsql'));
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  symlinkSync(installed, join(directory, 'node_modules', 'libsql'), 'dir');
}

function seedData(directory) {
  const folder = join(directory, 'releases', '1.0.0');
  const data = join(directory, 'data', 'notes.db');
  for (const argv of [
    ['migrate.mjs', data, 'up'],
    ['../../service/seed-notes.mjs', data, String(SEED_NOTES)],
  ]) {
    const ran = spawnSync(process.execPath, argv, { cwd: folder, encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`node ${argv.join(' ')} ended with ${ran.status}: ${ran.stderr}`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [directory, port] = process.argv.slice(2);
  if (directory === undefined) {
    process.stderr.write('usage: node prepare.mjs DIRECTORY [PORT]\n');
    process.exit(2);
  }
  prepareDemo(directory, port === undefined ? 8080 : Number(port));
  process.stdout.write(`the demo project lies in ${directory}\n`);
}
