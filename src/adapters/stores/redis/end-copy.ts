import { realClock, type Clock } from '../../../platform/clock.ts';
import { removeTree } from '../../../platform/files.ts';
import { guardParent, startGuard, type Guard } from '../../../platform/guard.ts';
import { compiledEntry } from '../../../platform/compiled-entry.ts';
import { stopByEnvironment } from '../../../platform/process-table.ts';
import { removeNotedSocket } from './socket-note.ts';

const GRACE_SECONDS = 2; // a copy has nothing to write down

/** A served copy, as whoever ends it finds it. */
export interface CopyInUse {
  /** What the tokens of its programs begin with. */
  tokens: string;
  place: string;
}

/** Ends the server of a copy, and takes the copy away. */
export async function endCopy({ tokens, place }: CopyInUse, clock: Clock): Promise<void> {
  await stopByEnvironment('SHIPWAY_STEP', (token) => token.startsWith(tokens), GRACE_SECONDS, clock);
  await clearCopy(place);
}

export async function clearCopy(place: string): Promise<void> {
  await removeNotedSocket(place);
  await removeTree(place);
}

/** A server outlives whoever started it. The guard ends it, and takes the copy away, when this process dies before it has done so itself. */
export function guardCopy(copy: CopyInUse): Guard {
  return startGuard(compiledEntry('adapters/stores/redis/guard-copy.js'), { ...copy });
}

/** What the guard is. */
export function beGuard(): void {
  guardParent(async (orders) => endCopy(orders as unknown as CopyInUse, realClock));
}
