import type { Staged } from '../adapters/stores/restored-copy.ts';
import type { ServiceConfig } from '../core/config/service-config.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import type { App } from './app.ts';
import type { Finding } from './finding.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

// Notes on a disk are read in no time; a server of a store that hangs must not keep somebody waiting who wants to know how things are.
const LOOK_LIMIT_MS = 3000;

/** A swap of one store, or the way back of one, that was begun and is not finished. */
export interface HalfRestore {
  store: string;
  /** The backup that it puts there. */
  backup: string;
  /** What finishes it; null where the store does that by its own notes. */
  staged: Staged | null;
}

/** What restores have left half done in the named stores of an environment, or in all. Of a store that cannot be asked nothing is said. */
export async function halfRestores(
  opened: OpenBackups,
  names: readonly string[] | null = null,
): Promise<HalfRestore[]> {
  const { plan } = opened;
  const found: HalfRestore[] = [];
  for (const { name, store } of opened.stores(plan)) {
    if (names !== null && !names.includes(name)) continue;
    const effect: Effect = { ...opened.effect, signal: AbortSignal.timeout(LOOK_LIMIT_MS) };
    const left = await store.replaced(effect).catch((error: unknown) => unlessProgramFault(error, effect.signal));
    for (const { state, tag, staged } of left)
      if (state === 'half') found.push({ store: name, backup: tag.replace(/-\d+$/, ''), staged: staged ?? null });
  }
  return found;
}

/** A store that hangs ends with whatever the signal says, which is no problem of ours. */
function unlessProgramFault(error: unknown, signal: AbortSignal | null = null): [] {
  if (isProblem(error) || signal?.aborted === true) return [];
  throw error;
}

/** Those that putting this backup into these stores has left, and that are finished with what lies there. */
export async function ownHalfRestores(
  opened: OpenBackups,
  { backup, stores }: { backup: { id: string }; stores: readonly string[] },
): Promise<HalfRestore[]> {
  const half = await halfRestores(opened, stores);
  return half.filter((one) => one.backup === backup.id && one.staged !== null);
}

/** What a swap takes that finishes these. `finishes`: what they put there may have been in use since, and is not deleted when it fails. */
export function stagedToFinish(half: readonly HalfRestore[], backup: string): JsonObject {
  const begun = half.map(({ store, staged: place }) => ({ name: store, staged: place }) as unknown as Json);
  return { backup, staged: begun, finishes: true };
}

/** Environments with data half swapped, and the command that finishes it. */
export async function halfRestoreConcerns(
  app: App,
  { service, environments }: ServiceConfig,
): Promise<{ service: string; environment: string; concern: string; command: string }[]> {
  const found = [];
  for (const { name: environment, stores } of Object.values(environments)) {
    if (stores.length === 0) continue;
    const half = await openBackups(app, environment)
      .then((opened) => halfRestores(opened))
      .catch((error: unknown) => unlessProgramFault(error));
    for (const { store, backup } of half) {
      const concern = `a restore of ${store} from ${backup} is half done; what it replaced is kept`;
      const command = `shipway backup restore ${backup} --store ${store} --env ${environment}`;
      found.push({ service, environment, concern, command });
    }
  }
  return found;
}

/** The same for the doctor. */
export async function inspectHalfRestores(app: App, config: ServiceConfig): Promise<Finding[]> {
  const concerns = await halfRestoreConcerns(app, config);
  return concerns.map(({ environment, concern, command }) => {
    return { level: 'fail', what: `data of ${environment}`, found: concern, next: command };
  });
}
