import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from './clock.ts';

const POLL_MS = 5; // a held program goes on soon after the test lets it
const HOLD_LIMIT_MS = 60_000; // a test that forgot the program must not leave it for ever

/**
 * A named place between two effects where a crash test may kill or hold the program. Does nothing unless SHIPWAY_GAPS names a folder:
 * `at` there holds the armed names (JSON array or "*"), `do` holds "kill" or "hold"; `reached-<name>`, `go-<name>` and `passed` are written back.
 * A name acts once: while its `reached-` file is there, it is only noted in `passed`.
 */
export async function gap(name: string): Promise<void> {
  const folder = process.env['SHIPWAY_GAPS'];
  if (folder === undefined || folder === '') return;
  // Noted before it acts: a place at which the program dies was reached too. One short line with O_APPEND is never mixed with another.
  appendFileSync(join(folder, 'passed'), `${name}\n`);
  if (!isArmed(folder, name)) return;
  const fileName = name.replaceAll('/', '_');
  const reached = join(folder, `reached-${fileName}`);
  if (existsSync(reached)) return;
  writeFileSync(`${reached}.${process.pid}.new`, String(process.pid));
  renameSync(`${reached}.${process.pid}.new`, reached);
  await act(folder, name, join(folder, `go-${fileName}`));
}

async function act(folder: string, name: string, goFile: string): Promise<void> {
  const deed = readOr(join(folder, 'do'), '').trim();
  switch (deed) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      // The signal is on its way; nothing after the gap may happen any more.
      return realClock.sleep(HOLD_LIMIT_MS);
    case 'hold':
      return hold(name, goFile);
    default:
      throw new Error(`gap ${name}: ${join(folder, 'do')} holds "${deed}", expected kill or hold`);
  }
}

async function hold(name: string, goFile: string): Promise<void> {
  const giveUpAtMs = realClock.nowMs() + HOLD_LIMIT_MS;
  while (!existsSync(goFile)) {
    if (realClock.nowMs() > giveUpAtMs) throw new Error(`gap ${name}: nobody wrote ${goFile} within 60 s`);
    await realClock.sleep(POLL_MS);
  }
}

function isArmed(folder: string, name: string): boolean {
  const text = readOr(join(folder, 'at'), '').trim();
  if (text === '' || text === '*') return text === '*';
  const names: unknown = JSON.parse(text);
  return names === '*' || (Array.isArray(names) && (names.includes(name) || names.includes('*')));
}

function readOr(path: string, otherwise: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : otherwise;
}
