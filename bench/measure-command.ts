import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';

export interface Measured {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  wallS: number;
  /** User and system, of the program and of everything it started and waited for. */
  cpuS: number;
  /**
   * The most that the program and all it started held at one time, looked at every 50 ms. A page that several of them share counts once: each
   * process counts its part of it (PSS), or else the buffers of a server would count for each of its connections.
   */
  peakMiB: number;
  /** Who held it then: `node 150, pg_dump 12`, MiB. */
  peakOf: string;
}

const LOOK_MS = 50;
const KIB_TOLD = 1024; // who holds less is not named
const MARK = 'measured-by-bash:';

/** Runs a program to its end and says what it took. It does not see what a program left running, or asked a server to do. */
export async function measureCommand(
  argv: string[],
  { cwd, env }: { cwd: string; env?: Record<string, string> },
): Promise<Measured> {
  // The one that counts the time of children that ended is the shell; its words come last on its standard error.
  const words = ['-c', `TIMEFORMAT='${MARK} %R %U %S'; time "$@"`, 'bash', ...argv];
  const child = spawn('bash', words, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  let peak: Held = { kib: 0, of: '' };
  const look = setInterval(() => {
    const held = heldBelow(child.pid ?? -1);
    if (held.kib > peak.kib) peak = held;
  }, LOOK_MS);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  clearInterval(look);
  const [, wall, user, system] = new RegExp(`${MARK} (\\S+) (\\S+) (\\S+)`).exec(output.stderr) ?? [];
  const stderr = output.stderr.slice(0, output.stderr.lastIndexOf(MARK));
  return {
    exitCode,
    stdout: output.stdout,
    stderr,
    wallS: Number(wall),
    cpuS: Number(user) + Number(system),
    peakMiB: peak.kib / 1024,
    peakOf: peak.of,
  };
}

interface Held {
  kib: number;
  of: string;
}

/** Of the process and of everything below it. */
function heldBelow(root: number): Held {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const [, parent] = /^\d+$/.test(name) ? fieldsOf(name) : [];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === root) return true;
    return false;
  };
  const byName = new Map<string, number>();
  for (const pid of parents.keys()) {
    if (!isBelow(pid)) continue;
    const kib = Number(/^Pss:\s+(\d+)/m.exec(readOrEmpty(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
    const name = readOrEmpty(`/proc/${pid}/comm`).trim();
    byName.set(name, (byName.get(name) ?? 0) + kib);
  }
  const held = [...byName].filter(([, kib]) => kib >= KIB_TOLD).toSorted(([, a], [, b]) => b - a);
  return {
    kib: [...byName.values()].reduce((sum, kib) => sum + kib, 0),
    of: held.map(([name, kib]) => `${name} ${(kib / 1024).toFixed(0)}`).join(', '),
  };
}

/** CPU of a process, of its children and of those that have ended: what a server of PostgreSQL, its connections and its workers took. */
export function serverCpuS(pid: number): number {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && fieldsOf(name)[1] === String(pid));
  // A child that ends goes from its own numbers into those of its parent, so the sum never jumps.
  return ticksOf(fieldsOf(String(pid)), 15) + children.reduce((sum, name) => sum + ticksOf(fieldsOf(name), 13), 0);
}

/** Behind the name of the program, which stands in brackets and may hold anything: state, parent, …; from the 12th on user, system, and the same of children that ended. */
function fieldsOf(pid: string): string[] {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function ticksOf(fields: string[], end: number): number {
  const TICKS_PER_SECOND = 100; // of the kernel's own interface, on every Linux
  return fields.slice(11, end).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}
