import { problem, type Problem } from '../core/release/problem.ts';
import { errorCode } from './error-code.ts';

/** What the table of processes says about one process. */
export interface ProcessEntry {
  pid: number;
  parentPid: number;
  groupId: number;
  /** Opaque, differs between two processes that had the same pid. */
  startedAt: string;
  /** It has ended and only waits for its parent to notice. */
  isZombie: boolean;
}

/**
 * How one operating system is asked; all of it is a snapshot that may be old when it returns.
 * Throws when it cannot be asked at all: "not there" would make us start a second one.
 */
export interface ProcessReader {
  read(pid: number): ProcessEntry | null;
  list(): ProcessEntry[];
  /** The environment the process was started with, as far as we may see it. */
  environmentValue(pid: number, name: string): string | null;
  residentBytes(pid: number): number;
  /** Device and inode of the folder it works in, as far as we may see it. Absent: the system does not tell. */
  workingFolder?(pid: number): string | null;
  /** Whether the list is of the whole machine; a container shows its own processes alone. Absent: it is. */
  listsAll?(): boolean;
}

/** The problem of a table that cannot be read, for a reason that has nothing to do with the process asked for. */
export function tableUnreadable(error: unknown): Problem {
  const why = errorCode(error) || 'no reason is known';
  return problem('cannot-tell', `the table of processes cannot be read (${why})`, {
    where: 'process table',
    next: 'Close other programs or raise the limits of this user (ulimit -n, ulimit -u), then run the same command again.',
    retry: true,
    cause: error,
  });
}
