import { problemRecord } from '../core/release/problem.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import { moveRelease } from '../state/releases.ts';
import type { Executor } from './engine-parts.ts';

/**
 * The workflow itself broke: a defect of ours, and no reason to leave the release without an owner. One that was only planned has changed
 * nothing, so it is over; kept, it would be looked at in vain for ever.
 */
export async function callPerson(executor: Executor, release: ReleaseRow, error: unknown): Promise<void> {
  const hasBegun = release.state !== 'planned';
  const next = hasBegun
    ? `shipway resume ${release.id}, or shipway rollback; the engine's log has the details`
    : "Start the release again; the engine's log has the details";
  const cause = { ...problemRecord(error), next };
  executor.log.error({ release: release.id, error: String(error) }, 'the workflow of a release broke');
  await moveRelease(executor.database.db, release.id, {
    to: hasBegun ? 'needs-human' : 'cancelled',
    actor: { kind: 'executor', id: executor.executorId },
    data: { cause },
    cause,
  });
}
