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
}
