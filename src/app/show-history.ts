import { approversOf } from '../state/read-overview.ts';
import { listReleases } from '../state/releases.ts';
import type { App } from './app.ts';
import { secondsBetween, viewRelease, type ReleaseView } from './release-view.ts';

export interface HistoryFilter {
  service: string | null;
  environment: string | null;
  version: string | null;
  limit: number;
}

export interface HistoryEntry extends ReleaseView {
  /** null while it is not over. */
  tookSeconds: number | null;
  approvedBy: string[];
}

// One page of a terminal pager; who needs more narrows the search.
const LOOKED_AT_MAX = 1000;

/** Past and running releases, newest first. Nothing where nothing was ever released. */
export async function showHistory(app: App, filter: HistoryFilter): Promise<HistoryEntry[]> {
  const database = await app.existingDatabase();
  if (database === null) return [];
  const { service, environment, version, limit } = filter;
  const rows = await listReleases(database.db, {
    ...(service === null ? {} : { service }),
    ...(environment === null ? {} : { environment }),
    limit: version === null ? Math.min(limit, LOOKED_AT_MAX) : LOOKED_AT_MAX,
  });
  const wanted = rows.filter((row) => version === null || row.version === version).slice(0, limit);
  const approvers = await approversOf(
    database.db,
    wanted.map((row) => row.id),
  );
  return wanted.map((row) => ({
    ...viewRelease(row),
    tookSeconds: row.finished_at === null ? null : secondsBetween(row.created_at, row.finished_at),
    approvedBy: approvers.get(row.id) ?? [],
  }));
}
