import { isProblem, problem } from '../release/problem.ts';

/** For a command that can be given again. */
export const WITHOUT_SAFETY_BACKUP = 'the same command with --no-safety-backup';

/** A backup of data that is to be replaced could not be taken: `how` says by which word the good data goes back all the same. */
export function orWithoutSafetyBackup(error: unknown, how: string): unknown {
  if (!isProblem(error) || !['backup-failed', 'backup-invalid'].includes(error.kind)) return error;
  const { kind, message, next, where, retry } = error;
  return problem(kind, message, {
    next: `${next} If the present data cannot be read any more: ${how}; what is replaced is kept aside all the same.`,
    ...(where === null ? {} : { where }),
    retry,
    cause: error,
  });
}
