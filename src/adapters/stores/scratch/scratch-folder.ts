import { join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';

/** Where a store lies, and where it tries its copies. */
export interface StoreScope {
  projectDirectory: string;
  /** Absolute; absent: `.shipway/scratch` of the project. */
  scratch?: string;
}

/** Where a store restores or starts a copy to look at it, when whoever asks names no folder. */
export function scratchFolder({ scratch }: Pick<StoreScope, 'scratch'>, effect: Effect): string {
  return scratch ?? join(effect.stateDirectory, 'scratch');
}
