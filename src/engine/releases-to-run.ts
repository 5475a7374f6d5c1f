import type { ReleaseRow } from '../state/release-tables.ts';
import { openReleases } from '../state/releases.ts';
import type { Executor } from './engine-parts.ts';

/** Releases of the executor's project that somebody has to run; one that needs a person is not among them. */
export async function releasesToRun(executor: Executor): Promise<ReleaseRow[]> {
  const open = await openReleases(executor.database.db);
  return open.filter((release) => release.state !== 'needs-human' && release.project === executor.project);
}
