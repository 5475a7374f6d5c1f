import { problemRecord, type ProblemRecord } from '../core/release/problem.ts';
import { redact } from '../platform/redact.ts';
import { exitCodeOf, type ExitCode } from './exit-codes.ts';
import type { Screen } from './output/screen.ts';

/** Tells the person, or the program, what went wrong and what to do next; returns the exit code. */
export function printProblem(screen: Screen, error: unknown, options: { verbose: boolean }): ExitCode {
  const found = masked(problemRecord(error));
  const code = exitCodeOf(found.kind);
  screen.live(null);
  if (screen.isJson) screen.json({ error: { ...found, exitCode: code } }, 'line');
  else for (const line of problemLines(found)) screen.note(line);
  noteStack(screen, error, options.verbose);
  return code;
}

/** What failed, where, and what to type next. */
export function problemLines(found: ProblemRecord): string[] {
  return [
    `shipway: ${found.message}`,
    ...(found.where === null ? [] : [`  where: ${found.where}`]),
    ...(found.next === '' ? [] : [`  next: ${found.next}`]),
  ];
}

function masked(found: ProblemRecord): ProblemRecord {
  return {
    kind: found.kind,
    message: redact(found.message),
    where: found.where === null ? null : redact(found.where),
    next: redact(found.next),
  };
}

function noteStack(screen: Screen, error: unknown, verbose: boolean): void {
  if (!verbose || !(error instanceof Error)) return;
  screen.note(redact(error.stack ?? error.message));
  if (error.cause instanceof Error) screen.note(`caused by: ${redact(error.cause.stack ?? error.cause.message)}`);
}
