import type { Rehearsing } from '../adapters/stores/store.ts';
import { formatDuration } from '../core/plan/format-duration.ts';
import { changedTables, compareStates } from '../core/rehearsal/compare-states.ts';
import type { DataState } from '../core/rehearsal/data-state.ts';
import type { RehearsalFinding } from '../core/rehearsal/rehearsal.ts';
import type { Effect } from '../platform/effect.ts';

/** How the live data was. */
export interface LiveLook {
  revision: string | null;
  state: DataState;
}

const SECOND_LOOK_MS = { min: 2000, max: 30_000 }; // who writes all the time writes within that

interface Guarded {
  id: string;
  rehearsing: Rehearsing;
  revisionOf: () => Promise<string | null>;
  effect: Effect;
}

export async function lookAtLive({ id, rehearsing, revisionOf, effect }: Guarded): Promise<LiveLook> {
  return { revision: await revisionOf(), state: await rehearsing.readLive(id, effect) };
}

/**
 * Whether the live data is as it was. A service that runs goes on writing, and that is not held against the rehearsal: rows of tables that
 * the migration does not change, and of those that change again while nothing of the rehearsal runs any more.
 */
export async function compareLive(
  guarded: Guarded,
  before: LiveLook,
  trial: { touched: readonly string[]; tookMs: number },
): Promise<RehearsalFinding[]> {
  const now = await lookAtLive(guarded);
  const blame = 'rehearsal.env does not lead the migration to the copy, or somebody else migrated meanwhile';
  if (now.revision !== before.revision) {
    const sentence = `the LIVE data went from revision ${before.revision} to ${now.revision} during the rehearsal: ${blame}`;
    return [{ severity: 'failure', kind: 'live-changed', sentence }];
  }
  const rows = changedTables(before.state, now.state);
  const [schema] = compareStates(before.state, now.state, { ignored: [], written: rows });
  if (schema !== undefined) {
    const sentence = `the schema of the LIVE data changed during the rehearsal: ${schema.sentence}; ${blame}`;
    return [{ severity: 'failure', kind: 'live-changed', sentence }];
  }
  if (rows.length === 0) return [];
  const shared = rows.filter((name) => trial.touched.includes(name));
  if (shared.length === 0 || (await isStillWritten(guarded, now.state, shared, trial.tookMs))) {
    const sentence = `somebody wrote into the live data meanwhile: ${rows.join(', ')}; its revision and schema are as before`;
    return [{ severity: 'note', kind: 'live-written', sentence }];
  }
  const sentence = `rows of the LIVE data changed during the rehearsal in ${shared.join(', ')}, which the migration changes too, and nobody writes there now: ${blame}`;
  return [{ severity: 'failure', kind: 'live-changed', sentence }];
}

async function isStillWritten(
  { id, rehearsing, effect }: Guarded,
  now: DataState,
  names: readonly string[],
  tookMs: number,
): Promise<boolean> {
  const waitMs = Math.min(SECOND_LOOK_MS.max, Math.max(SECOND_LOOK_MS.min, tookMs));
  effect.report(`rows of the live data changed; looking again in ${formatDuration(waitMs / 1000)}`);
  await effect.clock.sleep(waitMs, effect.signal);
  const changed = changedTables(now, await rehearsing.readLive(id, effect));
  return names.every((name) => changed.includes(name));
}
