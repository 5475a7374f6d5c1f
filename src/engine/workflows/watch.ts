import type { Next } from '../run-release.ts';
import type { Durable, Engine } from './engine.ts';

/**
 * The watch of one version.
 * 1. Say that it runs; one that an earlier run has finished is not done again.
 * 2. One round after the other, until the time is over or a criterion, or a person, ends it.
 * 3. Record how it ended.
 */
export async function watchVersion(engine: Engine, durable: Durable, releaseId: string, stepId: string): Promise<Next> {
  const { firstRound } = await durable('begin-watch', () => engine.beginWatch(releaseId, stepId));
  if (firstRound === null) return { next: 'go-on' };
  for (let round = firstRound; ; round += 1) {
    const after = await durable(`round-${round}`, () => engine.watchRound(releaseId, stepId, round));
    if (after.next === 'round') continue;
    if (after.next === 'end') return durable('end-watch', () => engine.endWatch(releaseId, stepId));
    return durable('break-watch', () => engine.breakWatch(releaseId, stepId, after.cause));
  }
}
