import type { JsonObject } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';

/** Acts on live data, while the service runs: what each means is the same for every engine. */
export const MAINTENANCE_ACTS = ['count', 'check', 'analyze', 'vacuum', 'explain'] as const;
/**
 * `count`: rows by table. `check`: everything the engine can tell about damage, changing nothing. `analyze`: fresh statistics for its
 * planner. `vacuum`: gives back the room of what was deleted. `explain`: how the engine would run a query, without running it.
 */
export type MaintenanceAct = (typeof MAINTENANCE_ACTS)[number];

export interface MaintenanceRequest {
  act: MaintenanceAct;
  /** The query to explain; null for the other acts. */
  query: string | null;
}

/** What an act found and did, for the journal. */
export interface MaintenanceReport {
  /** What is not as it should be, one sentence each; none: all is well. */
  findings: string[];
  /** What was measured. */
  figures: JsonObject;
}

/** The acts a kind of store can do. */
export interface Maintenance {
  acts: readonly MaintenanceAct[];
  /** Throws `check-failed` when the act cannot be done, with the engine's reason. What `explain` is given is never run. */
  run(request: MaintenanceRequest, effect: Effect): Promise<MaintenanceReport>;
}

/** Reading less than this many rows whole is faster than any index. */
export const SCAN_ROWS_MAX = 10_000;
