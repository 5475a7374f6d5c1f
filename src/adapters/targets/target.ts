import type { Instance } from '../../core/release/version.ts';
import type { Effect } from '../../platform/effect.ts';

/** What shall run: one version of one service in one environment, started by one release. */
export interface Want {
  service: string;
  environment: string;
  version: string;
  release: string;
  /** The version that runs now and that a revert goes back to; null for the first release. */
  previousVersion: string | null;
}

/** What stopping did, in words a person can check. */
export interface StopReport {
  instance: string;
  how: 'was-gone' | 'ended-on-term' | 'killed-after-limit';
  seconds: number;
}

/**
 * Where the components of a service run. Promises that every implementation keeps (see target.suite.ts):
 * - `observe` tells from reality, never from our memory, and starts nothing;
 * - `apply`, `revert` and `stop` are harmless when done twice, and repair what a crash left half done;
 * - what this service did not start is never touched;
 * - every wait has a limit and fails with a problem that says it;
 * - `commandsFor` shows the exact command lines without running anything and without resolving secrets.
 */
export interface Target {
  readonly kind: string;
  /** `side-by-side`: the new version runs beside the old until `stop`. `in-place`: applying replaces it. */
  readonly placement: 'side-by-side' | 'in-place';
  /** Whether applying again after a cut-short attempt is harmless; if not, a person decides. */
  readonly repeatable: boolean;
  /** All instances of this service and environment, of every version, newest last. */
  observe(effect: Effect): Promise<Instance[]>;
  commandsFor(want: Want): { apply: string[][]; revert: string[][] };
  /** Brings the wanted version up and returns its instances; those already there under the same release are returned, not started again. */
  apply(want: Want, effect: Effect): Promise<Instance[]>;
  /** Back to what ran before `want` was applied: side by side, stops the wanted version's instances; in place, runs the revert commands. */
  revert(want: Want, effect: Effect): Promise<StopReport[]>;
  /** Stops instances whole (process groups): TERM, then KILL after the grace of the settings. */
  stop(instances: Instance[], effect: Effect): Promise<StopReport[]>;
  /** The last lines an instance wrote, masked. */
  logs(instance: Instance, lines: number, effect: Effect): Promise<string[]>;
  /** Share of the memory limit (0..1) per instance, null where it cannot be measured. */
  memoryShare(instances: Instance[], effect: Effect): Promise<Record<string, number | null>>;
}
