// usage: node checks/version-works.mjs VERSION
// Starts the version on a scratch database and a free port, writes a note, reads it back and asks it to stop. Touches nothing else.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT_MS = 10_000; // a start takes 0.2 s here; a machine fifty times slower still passes

async function check(version, scratch) {
  const directory = join(dirname(dirname(fileURLToPath(import.meta.url))), 'releases', version);
  const env = { ...process.env, DATABASE: join(scratch, 'notes.db'), PORT: '0', HOST: '127.0.0.1' };
  const migrated = spawnSync(process.execPath, ['migrate.mjs', env.DATABASE, 'up'], {
    cwd: directory,
    env,
    encoding: 'utf8',
  });
  if (migrated.status !== 0) throw new Error(`migrate.mjs up ended with ${migrated.status}: ${migrated.stderr}`);
  const server = spawn(process.execPath, ['server.mjs'], { cwd: directory, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  try {
    const base = await addressOf(server);
    const health = await (await fetch(`${base}/health`)).json();
    if (health.version !== version) throw new Error(`/health says version ${health.version}`);
    const body = JSON.stringify({ client: 'check', sequence: 1, text: 'hello' });
    const posted = await fetch(`${base}/notes`, { method: 'POST', body });
    const { notes } = await (await fetch(`${base}/notes?client=check`)).json();
    if (posted.status !== 201 || notes[0]?.text !== 'hello') throw new Error('a note written was not there afterwards');
  } finally {
    server.kill('SIGTERM');
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`it ended with ${code} after SIGTERM`);
}

/** The first line the server writes names its address. */
async function addressOf(server) {
  const [chunk] = await once(server.stdout, 'data', { signal: AbortSignal.timeout(LIMIT_MS) });
  const address = /http:\S+/.exec(chunk.toString())?.[0];
  if (address === undefined) throw new Error(`no address in "${chunk.toString().trim()}"`);
  return address;
}

const version = process.argv[2] ?? '';
const scratch = mkdtempSync(join(tmpdir(), 'notes-check-'));
try {
  await check(version, scratch);
  process.stdout.write(`${version}: starts, answers, keeps a note, stops when asked\n`);
} catch (error) {
  process.stderr.write(`${version}: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
