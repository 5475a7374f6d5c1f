import { isProblem, problem } from '../release/problem.ts';

/** A backup of data that is to be replaced could not be taken: the word with which the good data goes back all the same. */
export function orWithoutSafetyBackup(error: unknown): unknown {
  if (!isProblem(error) || !['backup-failed', 'backup-invalid'].includes(error.kind)) return error;
  const { kind, message, next, where, retry } = error;
  return problem(kind, message, {
    next: `${next} If the present data cannot be read any more: the same command with --no-safety-backup; what is replaced is kept aside all the same.`,
    ...(where === null ? {} : { where }),
    retry,
    cause: error,
  });
}
