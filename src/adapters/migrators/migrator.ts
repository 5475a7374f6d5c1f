import type { Atomicity } from '../../core/release/lock-manners.ts';
import type { Effect } from '../../platform/effect.ts';
import type { WayDown } from './way-down.ts';

/**
 * Changes the schema of a store through the project's own tool. `revision` is what makes it safe to be killed:
 * after a crash the revision is asked before anything runs again.
 */
export interface Migrator {
  readonly kind: string;
  commandsFor(direction: 'up' | 'down'): string[][];
  /** The revision the data is at, or null when the project's tool cannot tell. */
  revision(version: string, effect: Effect): Promise<string | null>;
  up(version: string, effect: Effect): Promise<void>;
  /** Runs with the NEWER version's files: the older ones lack the file that describes the way down. */
  down(version: string, toRevision: string | null, effect: Effect): Promise<void>;
  /** Whether an `up` that fails leaves the data as it was; without evidence it does not. Changes nothing. */
  atomicity(version: string, effect: Effect): Promise<Atomicity>;
  /** The SQL that `up` would run now, without running it; or why it is not seen. */
  preview(version: string, effect: Effect): Promise<SqlPreview | Unseen>;
  /** What the project's tool tells about its migrations; null: it tells nothing besides the revision. */
  status(version: string, effect: Effect): Promise<MigrationStatus | null>;
  /** What has to be kept so that `down` works when the files of that version are gone. Left out: nothing is known of it. Changes nothing. */
  wayDown?(version: string, effect: Effect): Promise<WayDown>;
}

export interface SqlPreview {
  sql: string;
  /** The language it is written in; null when the stores of the environment tell. */
  dialect: string | null;
  /** Tables in which the tool keeps its own record: what it writes there is nobody's data. */
  ownTables: string[];
  /** The way back, where it is SQL that is seen too; null: there is none. Absent: the tool has one and does not show it. */
  down?: { sql: string } | null;
  /** Where the SQL itself shows it; absent: it is asked for. */
  atomicity?: Atomicity;
}

/** No SQL is to be had before the migration runs. */
export interface Unseen {
  /** Why, as a whole clause: `knex cannot print the SQL it would run`. */
  unseen: string;
}

export interface MigrationStatus {
  /** Migrations by name, oldest first; null when the tool's answer is text alone. */
  applied: string[] | null;
  pending: string[] | null;
  /** What the tool printed; empty where applied and pending say it all. */
  text: string;
}

export function isUnseen(seen: SqlPreview | Unseen): seen is Unseen {
  return 'unseen' in seen;
}
