import { problem } from '../../core/release/problem.ts';

/** Throws `stale-worker` when a later attempt at the same step has written meanwhile. Tokens are `<release>/<step>/<attempt>`. */
export function refuseStale(writtenToken: string, ownToken: string): void {
  const [theirs, ours] = [split(writtenToken), split(ownToken)];
  if (theirs === null || ours === null || theirs.step !== ours.step || theirs.attempt <= ours.attempt) return;
  throw problem('stale-worker', `${ownToken} may not act any more: ${writtenToken} has taken over`, {
    next: 'Nothing: the later attempt goes on.',
  });
}

function split(token: string): { step: string; attempt: number } | null {
  const parts = /^(.*)\/(\d+)$/.exec(token);
  return parts?.[1] === undefined ? null : { step: parts[1], attempt: Number(parts[2]) };
}
