import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { errorCode } from './error-code.ts';
import { tableUnreadable, type ProcessEntry, type ProcessReader } from './process-reader.ts';

/** No descriptor or no memory is left: says something about us, nothing about the process. */
const OUR_LACK = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** The kernel gives the namespace that it starts with always this number. */
const FIRST_NAMESPACE = 'pid:[4026531836]';

let bootId: string | null = null;

/** Start times count from boot, so the boot is part of the identity: a reboot must not bring the dead back to life. */
function bootPrefix(): string {
  bootId ??= (readOrNull('/proc/sys/kernel/random/boot_id') ?? 'unknown').trim().slice(0, 8);
  return bootId;
}

/** Null for a process that ended meanwhile (ENOENT, ESRCH) or belongs to someone else (EACCES, EPERM). */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (OUR_LACK.includes(errorCode(error))) throw tableUnreadable(error);
    return null;
  }
}

/** Reads one line of /proc/PID/stat; the name in parentheses may itself hold spaces and parentheses, so fields count from the last one. */
export function parseStat(text: string): ProcessEntry | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open === -1 || close < open) return null;
  const pid = Number(text.slice(0, open).trim());
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  // Numbered as in proc(5): 3 state, 4 parent, 5 group, 22 start time; fields[0] is number 3.
  const [state, parent, group] = fields;
  const start = fields[19];
  if (!Number.isInteger(pid) || state === undefined || start === undefined) return null;
  return {
    pid,
    parentPid: Number(parent),
    groupId: Number(group),
    startedAt: `${bootPrefix()}:${start}`,
    isZombie: state === 'Z' || state === 'X' || state === 'x',
  };
}

function read(pid: number): ProcessEntry | null {
  const text = readOrNull(`/proc/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** Linux: the files under /proc. */
export const procReader: ProcessReader = {
  read,
  list: () =>
    readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map((name) => read(Number(name)))
      .filter((entry) => entry !== null),
  environmentValue(pid, name) {
    const text = readOrNull(`/proc/${pid}/environ`);
    const found = text?.split('\0').find((line) => line.startsWith(`${name}=`));
    return found === undefined ? null : found.slice(name.length + 1);
  },
  residentBytes(pid) {
    const found = /^VmRSS:\s+([0-9]+) kB$/m.exec(readOrNull(`/proc/${pid}/status`) ?? '');
    return found ? Number(found[1]) * 1024 : 0;
  },
  workingFolder(pid) {
    try {
      // Followed by the kernel: the same folder, however a container calls it.
      const { dev, ino } = statSync(`/proc/${pid}/cwd`, { bigint: true });
      return `${dev}:${ino}`;
    } catch {
      return null; // ended meanwhile, or of somebody else
    }
  },
  listsAll() {
    try {
      return readlinkSync('/proc/self/ns/pid') === FIRST_NAMESPACE;
    } catch {
      return false; // a kernel that does not tell
    }
  },
};
