import { type Level, type Logger, destination, pino } from 'pino';
import { redact } from './redact.ts';

const KEPT_WHILE_FULL = 4_000_000; // characters that wait for room at most

/** A logger whose every line is masked. It appends to the file (created 0600, folder 0700), or writes to stderr for null. */
export function createLog(file: string | null, level: Level | 'silent'): Logger {
  // Written at once: what happened just before a crash is what a person looks for.
  const options = { sync: true, mkdir: true, mode: 0o600, append: true, maxLength: KEPT_WHILE_FULL };
  const out = file === null ? destination({ ...options, fd: 2 }) : destination({ ...options, dest: file });
  // A disk without room costs lines of the log and nothing else: whoever logs goes on.
  out.on('error', () => undefined);
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write: (line: string) => void out.write(redactLine(line)),
    },
  );
}

/** Masks a line of JSON so that it stays JSON: a mask may not begin in the middle of an escape. */
export function redactLine(line: string): string {
  if (redact(line) === line) return line;
  try {
    return `${JSON.stringify(redactDeep(JSON.parse(line)))}\n`;
  } catch {
    return redact(line);
  }
}

function redactDeep(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactDeep);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redact(key), redactDeep(inner)]));
}
