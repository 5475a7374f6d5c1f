import { spawnSync } from 'node:child_process';
import { tableUnreadable, type ProcessEntry, type ProcessReader } from './process-reader.ts';

// lstart prints five words: "Sat Nov 21 01:25:58 2026". It has whole seconds: coarser than /proc, the best `ps` gives.
const LINE = /^\s*([0-9]+)\s+([0-9]+)\s+([0-9]+)\s+(\S+)\s+([0-9]+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)/;
const PS_WAIT_MS = 5000; // `ps` of 1,000 processes takes 50 ms; a machine that needs 5 s has other troubles

function ps(args: string[]): string {
  const options = {
    encoding: 'utf8',
    timeout: PS_WAIT_MS,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C' },
  } as const;
  const { error, stdout } = spawnSync('ps', args, options);
  if (error !== undefined) throw tableUnreadable(error);
  return stdout;
}

/** Reads one line of `ps -o pid=,ppid=,pgid=,stat=,rss=,lstart=`. */
export function parsePsLine(line: string): (ProcessEntry & { residentBytes: number }) | null {
  const found = LINE.exec(line);
  if (!found) return null;
  const [, pid, parent, group, state, rss, start] = found;
  return {
    pid: Number(pid),
    parentPid: Number(parent),
    groupId: Number(group),
    isZombie: (state ?? '').startsWith('Z'),
    residentBytes: Number(rss) * 1024,
    startedAt: (start ?? '').replace(/\s+/g, ' '),
  };
}

const COLUMNS = 'pid=,ppid=,pgid=,stat=,rss=,lstart=';

function readOne(pid: number): (ProcessEntry & { residentBytes: number }) | null {
  return parsePsLine(ps(['-o', COLUMNS, '-p', String(pid)]));
}

/** macOS and other systems without /proc: the `ps` command. */
export const psReader: ProcessReader = {
  read: readOne,
  list: () =>
    ps(['-A', '-o', COLUMNS])
      .split('\n')
      .map(parsePsLine)
      .filter((entry) => entry !== null),
  environmentValue(pid, name) {
    // `ps eww` appends the environment to the command, separated by spaces; our own values never hold one.
    const words = ps(['eww', '-o', 'command=', '-p', String(pid)]).split(/\s+/);
    const found = words.findLast((word) => word.startsWith(`${name}=`));
    return found === undefined ? null : found.slice(name.length + 1);
  },
  residentBytes: (pid) => readOne(pid)?.residentBytes ?? 0,
};
