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

/** How one operating system is asked; all of it is a snapshot that may be old when it returns. */
export interface ProcessReader {
  read(pid: number): ProcessEntry | null;
  list(): ProcessEntry[];
  /** The environment the process was started with, as far as we may see it. */
  environmentValue(pid: number, name: string): string | null;
  residentBytes(pid: number): number;
}
