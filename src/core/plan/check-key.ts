import type { Chosen } from '../config/service-config.ts';

/** What tells two checks apart in a plan: what they ask, not their names, which may be the same. */
export function checkKey(check: Chosen): string {
  return JSON.stringify([check.kind, check.settings]);
}
