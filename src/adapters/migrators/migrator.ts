import type { Effect } from '../../platform/effect.ts';

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
  /** The SQL that `up` would run now, without running it. Absent or null: the tool cannot print it. */
  preview?(version: string, effect: Effect): Promise<SqlPreview | null>;
  /** What the project's tool tells about its migrations, as it prints it. Absent or null: it tells nothing. */
  status?(version: string, effect: Effect): Promise<string | null>;
}

export interface SqlPreview {
  sql: string;
  /** The language it is written in; null when the stores of the environment tell. */
  dialect: string | null;
}
