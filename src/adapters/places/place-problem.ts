import { problem, type Problem } from '../../core/release/problem.ts';

/** What was read to be sent is not what the manifest says. */
export function changedOnTheWay(where: string): Problem {
  return problem('backup-invalid', 'the file is not what its manifest says, so it is not copied', {
    where,
    next: 'Look at the backup: shipway backup verify',
  });
}

/** The other side gave no sign of life. */
export function silent(what: string, where: string, seconds: number): Problem {
  return problem('unreachable', `${what}: nothing was heard for ${seconds} s`, {
    where,
    next: 'Check the network and the server, then: shipway backup copy',
    retry: true,
  });
}

export function placeFull(where: string, cause?: unknown): Problem {
  return problem('disk-full', 'there is no room left in the place for copies', {
    where,
    next: 'Make room there (shipway backup prune deletes what the policy lets go), then: shipway backup copy',
    ...(cause === undefined ? {} : { cause }),
  });
}
