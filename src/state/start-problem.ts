import { problem } from '../core/release/problem.ts';
import type { Problem } from '../core/release/problem.ts';

/** Why a PostgreSQL server did not start: another one has the data directory, the last one is still dying, it was killed, or a person must act. */
export type StartFailure = { kind: 'taken' | 'dying' | 'silent' } | { kind: 'problem'; problem: Problem };

const OTHER_SERVER = 'or set SHIPWAY_DATABASE_URL to a PostgreSQL server of yours.';

interface Rule {
  pattern: RegExp;
  said: string;
  next: (data: string) => string;
}

const DAMAGED = {
  said: 'its data directory is damaged',
  next: (data: string): string =>
    `Put ${data} back from a backup of this machine. To begin with an empty history instead, move it and postgres.json away.`,
};

const RULES: Rule[] = [
  { pattern: /PG_CONTROL_VERSION 0\b/, ...DAMAGED }, // zeroes, as a crashed file system leaves them
  {
    pattern: /database files are incompatible|initialized by PostgreSQL version|catalog version/i,
    said: 'the data directory was made by another major version of PostgreSQL',
    next: (data) => `Use the version of shipway that made ${data}, ${OTHER_SERVER}`,
  },
  {
    pattern:
      /could not (?:create|map|resize|attach to) (?:anonymous )?shared memory|Cannot allocate memory|out of memory/i,
    said: 'the machine does not give it enough shared memory',
    next: () => `Give the machine or container at least 128 MB of free memory, ${OTHER_SERVER}`,
  },
  {
    pattern: /could not create semaphores/i,
    said: 'the machine has no semaphores left',
    next: () => `Raise kernel.sem or stop programs that hold semaphores (ipcs -s), ${OTHER_SERVER}`,
  },
  // After shared memory and semaphores, whose limits the kernel reports with the same words.
  {
    pattern: /No space left on device|Disk quota exceeded/i,
    said: 'the disk is full',
    next: (data) => `Free space on the disk of ${data} and run the same command again.`,
  },
  {
    pattern:
      /error while loading shared libraries|cannot open shared object file|Exec format error|symbol not found|GLIBC_/i,
    said: 'its programs do not fit this machine',
    next: () => `Install shipway again on this machine (npm ci), ${OTHER_SERVER}`,
  },
  {
    pattern:
      /Permission denied|Operation not permitted|has invalid permissions|has wrong ownership|Read-only file system/i,
    said: 'it may not read or write its files',
    next: (data) =>
      `Make ${data} and what is in it belong to the user named by "ls -ld", with mode 0700, ${OTHER_SERVER}`,
  },
  {
    pattern:
      /PANIC|invalid (?:primary )?checkpoint|not a valid data directory|pg_control|incorrect checksum|could not (?:open|read|locate|find)|does not exist|is missing|invalid value|configuration file/i,
    ...DAMAGED,
  },
];

/** Told to whoever knocks too early, and the last words of its children when somebody killed it: neither says why the server ended. */
const REFUSAL =
  /the database system is (?:starting up|shutting down|in recovery|not (?:yet )?accepting)|due to unexpected postmaster exit/;

/** Judges the last lines a server printed before it ended. */
export function explainStartFailure(lines: string[], data: string): StartFailure {
  const text = lines.filter((line) => !REFUSAL.test(line)).join('\n');
  if (/lock file ".*" (?:already exists|is empty)|bogus data in lock file/.test(text)) return { kind: 'taken' };
  if (/pre-existing shared memory block|is still in use/.test(text)) return { kind: 'dying' };
  const rule = RULES.find((candidate) => candidate.pattern.test(text));
  if (rule === undefined && !/FATAL|PANIC|ERROR|abort/i.test(text)) return { kind: 'silent' }; // a server that ends by itself says why
  return {
    kind: 'problem',
    problem: startProblem(rule?.said ?? 'it ended by itself', lines, {
      data,
      next: rule?.next(data) ?? `Read the log beside ${data} (folder log), ${OTHER_SERVER}`,
    }),
  };
}

const SHOWN_LINES = 5; // the cause and its hint; the whole log is on disk

/** The error a person reads when the built-in server does not run: why, the last lines of its log, and what to do. */
export function startProblem(
  said: string,
  lines: string[],
  details: { data: string; next: string; cause?: unknown },
): Problem {
  const shown = linesToShow(lines.map(withoutPrefix).filter((line) => line !== ''));
  const log =
    shown.length === 0 ? 'It printed nothing.' : `Its last lines:\n${shown.map((line) => `  ${line}`).join('\n')}`;
  return problem('database-unavailable', `the built-in PostgreSQL does not start: ${said}. ${log}`, {
    where: details.data,
    next: details.next,
    ...(details.cause === undefined ? {} : { cause: details.cause }),
  });
}

/** The last lines, beginning with the first complaint when that lies before them: what follows it are often only its consequences. */
function linesToShow(lines: string[]): string[] {
  const last = lines.slice(-SHOWN_LINES);
  const complaint = lines.find((line) => /FATAL|PANIC|ERROR|could not/.test(line));
  return complaint === undefined || last.includes(complaint) ? last : [complaint, ...last.slice(1)];
}

/** Drops time and process number, which say nothing to the reader and differ each time. */
function withoutPrefix(line: string): string {
  return line.replace(/^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] /, '').trim();
}
