import { problem } from '../core/release/problem.ts';
import { realClock, type Clock } from './clock.ts';
import { errorCode } from './error-code.ts';
import { HOME_MARK } from './home-mark.ts';
import { procReader } from './proc-reader.ts';
import type { ProcessEntry, ProcessReader } from './process-reader.ts';
import { psReader } from './ps-reader.ts';

export interface ProcessIdentity {
  pid: number;
  /** Kernel start time, opaque text. The pid alone is never an identity: the system gives it to the next process. */
  startedAt: string;
}

const reader: ProcessReader = process.platform === 'linux' ? procReader : psReader;

const POLL_MS = 20; // short against a grace of seconds, long against the 0.1 ms a look costs
const KILL_WAIT_MS = 10_000; // SIGKILL takes effect at once unless the kernel waits for a disk or a network drive

function identityOf(entry: ProcessEntry): ProcessIdentity {
  return { pid: entry.pid, startedAt: entry.startedAt };
}

function liveEntry(pid: number): ProcessEntry | null {
  const entry = Number.isInteger(pid) && pid > 0 ? reader.read(pid) : null;
  return entry === null || entry.isZombie ? null : entry;
}

/** The identity of a running process, or null when there is none or it is a zombie. */
export function identify(pid: number): ProcessIdentity | null {
  const entry = liveEntry(pid);
  return entry && identityOf(entry);
}

/** The identity of our own child before its end was noticed, zombie or not: it cannot have been replaced yet. */
export function identifyChild(pid: number): ProcessIdentity | null {
  const entry = reader.read(pid);
  return entry && identityOf(entry);
}

/** Whether this very process still runs; false for zombies and for another process with its pid. */
export function isAlive(id: ProcessIdentity): boolean {
  return liveEntry(id.pid)?.startedAt === id.startedAt;
}

/**
 * Running processes that were started with the variable; only those of our own user unless we are root. Never this process itself.
 * With a home, only those that this project's shipway started: another project may use the same names.
 */
export function findByEnvironment(
  name: string,
  accept: (value: string) => boolean,
  home: string | null = null,
): { identity: ProcessIdentity; value: string }[] {
  const found: { identity: ProcessIdentity; value: string }[] = [];
  for (const entry of reader.list()) {
    if (entry.isZombie || entry.pid === process.pid) continue;
    const value = reader.environmentValue(entry.pid, name);
    if (value === null || !accept(value)) continue;
    if (home === null || reader.environmentValue(entry.pid, HOME_MARK) === home)
      found.push({ identity: identityOf(entry), value });
  }
  return found;
}

/**
 * Running processes whose working folder this is (`identity` of its facts), also those in containers; only of our own user unless we are
 * root. Null where the system does not tell.
 */
export function workingIn(folder: string): ProcessIdentity[] | null {
  if (reader.workingFolder === undefined) return null;
  const living = reader.list().filter((entry) => !entry.isZombie);
  return living.filter((entry) => reader.workingFolder?.(entry.pid) === folder).map(identityOf);
}

/** Whether every process of that user on this machine is found, also those outside of the container that we may be in. */
export function seesAllOf(uid: number): boolean {
  const own = process.getuid?.();
  return (own === 0 || own === uid) && (reader.listsAll?.() ?? true);
}

/** The process group of a running process, or null when it is gone. */
export function groupOf(pid: number): number | null {
  return liveEntry(pid)?.groupId ?? null;
}

/** The running members of a process group, zombies left out. */
export function membersOfGroup(pgid: number): ProcessIdentity[] {
  return reader
    .list()
    .filter((entry) => entry.groupId === pgid && !entry.isZombie)
    .map(identityOf);
}

/** Memory in use by a whole process group in bytes (shared pages count in each process), or null when it is gone. */
export function residentBytes(pgid: number): number | null {
  const members = membersOfGroup(pgid);
  return members.length === 0 ? null : members.reduce((sum, id) => sum + reader.residentBytes(id.pid), 0);
}

export type StopOutcome = 'was-gone' | 'ended-on-term' | 'killed-after-limit';

/** Ends the process and its whole group: SIGTERM, SIGKILL after the grace, and back only when all of them are gone. */
export async function stopGroup(id: ProcessIdentity, graceSeconds: number, clock: Clock): Promise<StopOutcome> {
  return stopAll(() => membersToStop(id), graceSeconds, clock);
}

/** Ends every process that was started with the variable at an accepted value, in the way of stopGroup; also those that left their group. */
export async function stopByEnvironment(
  name: string,
  accept: (value: string) => boolean,
  graceSeconds: number,
  clock: Clock,
): Promise<StopOutcome> {
  return stopAll(() => findByEnvironment(name, accept).map((found) => found.identity), graceSeconds, clock);
}

function membersToStop(id: ProcessIdentity): ProcessIdentity[] {
  const entry = liveEntry(id.pid);
  if (entry !== null && entry.startedAt !== id.startedAt) return []; // the pid belongs to someone else now
  // Not the leader of its group: the group is somebody else's, perhaps our own, so only this process ends.
  if (entry !== null && entry.groupId !== entry.pid) return [id];
  // A leader that is gone keeps its number reserved as long as members live, so they are still ours.
  return membersOfGroup(id.pid);
}

/** Signals whatever `find` finds until it finds nothing; asked anew each round, because processes fork while they die. */
export async function stopAll(find: () => ProcessIdentity[], graceSeconds: number, clock: Clock): Promise<StopOutcome> {
  let living = find();
  if (living.length === 0) return 'was-gone';
  // Not by the wall clock: one that is set meanwhile would take the grace away, or make it last for ever.
  const killAtMs = performance.now() + (graceSeconds * 1000) / clock.speed;
  const signalled = new Set<string>();
  while (performance.now() < killAtMs) {
    for (const id of living) {
      const key = `${id.pid} ${id.startedAt}`;
      if (signalled.has(key)) continue;
      signalled.add(key);
      send(id, 'SIGTERM');
      send(id, 'SIGCONT'); // a stopped process would not notice SIGTERM
    }
    await realClock.sleep(Math.max(1, Math.min(POLL_MS, killAtMs - performance.now())));
    living = find();
    if (living.length === 0) return 'ended-on-term';
  }
  const giveUpAtMs = performance.now() + KILL_WAIT_MS; // the kernel does not run faster in a demo
  while (living.length > 0) {
    if (performance.now() > giveUpAtMs) throw stillAlive(living);
    for (const id of living) send(id, 'SIGKILL');
    await realClock.sleep(POLL_MS);
    living = find();
  }
  return 'killed-after-limit';
}

function stillAlive(living: ProcessIdentity[]): Error {
  const pids = living.map((id) => id.pid).join(', ');
  return problem('target-failed', `process ${pids} still runs ${KILL_WAIT_MS / 1000} s after SIGKILL`, {
    where: `pid ${pids}`,
    next: 'The kernel waits for a disk or network drive: look with "ps -o pid,stat,wchan,args -p PID" and run the same command again when it is gone.',
    retry: true,
  });
}

function send(id: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return;
    throw problem('not-permitted', `process ${id.pid} may not be stopped by this user`, {
      where: `pid ${id.pid}`,
      next: `Run the command as the user who owns the process (ps -o user,args -p ${id.pid}).`,
      cause: error,
    });
  }
}
