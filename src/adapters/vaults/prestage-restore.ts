import { isProblem, problem } from '../../core/release/problem.ts';
import { effectToCleanUp, type Effect } from '../../platform/effect.ts';
import type { Prestaging, Staged } from '../stores/store.ts';
import { withCopy } from './copy-of-store.ts';
import type { NamedOpenStore } from './create-backup.ts';
import { pairsOf, stageRestore, storeOf, trustedBackup } from './restore-backup.ts';
import type { Pair, RestoreOrder, StagedStore } from './restore-backup.ts';

/** A copy that waits beside the live data. */
export interface WaitingStore extends StagedStore {
  /** As `mark` of the store told it when the copy had been verified. */
  mark: string;
  /** What it takes on the disk, about. */
  bytes: number;
}

export interface Prestaged {
  waiting: WaitingStore[];
  /** Stores whose copies cannot wait. */
  later: string[];
}

export interface Reused {
  staged: StagedStore[];
  /** Names of the stores whose waiting copy is used. */
  used: string[];
  /** By store, why its waiting copy is not. */
  refused: { name: string; why: string }[];
}

const SETTLE_MS = 600; // PostgreSQL before 15 counts what a session did up to half a second after its end
const LOOKS_MAX = 20;

/** Restores the stores that can have a copy waiting. Throws before the first when there is no room; takes away what it made when one fails. */
export async function prestageRestore(order: RestoreOrder): Promise<Prestaged> {
  const sealed = await trustedBackup(order);
  const pairs = pairsOf(sealed, order);
  const able = pairs.filter(({ store }) => store.prestaging !== undefined);
  const { id } = sealed.manifest;
  // What an attempt that was killed has left would count as room that is taken.
  for (const { store } of able) await store.prestaging?.remove(id, order.effect);
  await requireRoom(able, order.effect);
  const waiting: WaitingStore[] = [];
  try {
    for (const { saved, store } of able) {
      const { name, capture } = saved;
      const staged = await withCopy(order.vault, sealed, { saved, store }, (copy) => copy.stage(id, order.effect));
      const mark = await settledMark(store.prestaging, staged, order.effect);
      waiting.push({ name, staged, mark, bytes: capture.liveBytes });
    }
  } catch (error) {
    const cleaning = effectToCleanUp(order.effect);
    for (const { store } of able) await store.prestaging?.remove(id, cleaning).catch(() => undefined); // the first error says what is wrong
    throw error;
  }
  return { waiting, later: pairs.filter((pair) => !able.includes(pair)).map(({ saved }) => saved.name) };
}

/** Room for the copies and for as much again: the live data grows meanwhile, and must never meet a full disk because of a copy that waits. */
async function requireRoom(pairs: readonly Pair[], effect: Effect): Promise<void> {
  const neededBytes = 2 * pairs.reduce((sum, { saved }) => sum + saved.capture.liveBytes, 0);
  for (const { saved, store } of pairs) {
    const free = (await store.prestaging?.room(effect)) ?? null;
    if (free === null)
      effect.report(`${saved.name}: the disk of its server cannot be seen from here; nobody looked at its room`);
    if (free === null || free >= neededBytes) continue;
    throw problem(
      'disk-full',
      `no copy of ${saved.name} waits beside the live data: ${neededBytes} bytes have to be free for it and for the live data to grow, ${free} are`,
      {
        where: saved.name,
        next: `Make room for ${neededBytes - free} bytes. The release goes on; its data can be restored as without it.`,
      },
    );
  }
}

/** The mark once it stays: an engine may still write down what the restore did. */
async function settledMark(prestaging: Prestaging | undefined, staged: Staged, effect: Effect): Promise<string> {
  let last = await prestaging?.mark(staged, effect);
  for (let looks = 1; looks < LOOKS_MAX; looks += 1) {
    await effect.clock.sleep(SETTLE_MS, effect.signal);
    const next = await prestaging?.mark(staged, effect);
    if (typeof next === 'string' && next === last) return next;
    last = next;
    if (typeof next !== 'string') break;
  }
  throw problem('restore-failed', 'the copy that was just made does not stay as it is', {
    where: staged.place,
    next: 'Find out who writes to it. The release goes on; its data can be restored as without it.',
  });
}

/** Uses the copies that wait and are as they were verified, and restores the others now. */
export async function stageOrReuse(order: RestoreOrder, waiting: readonly WaitingStore[]): Promise<Reused> {
  const names = order.storeNames ?? waiting.map(({ name }) => name);
  const used: StagedStore[] = [];
  const refused: Reused['refused'] = [];
  for (const { name, staged, mark } of waiting.filter((one) => names.includes(one.name))) {
    const why = await whyNot({ name, staged, mark }, order);
    if (why === null) used.push({ name, staged });
    else {
      refused.push({ name, why });
      // Beside it there may be no room for the one that is restored instead.
      await storeOf(name, order.stores)
        .unstage(staged, order.effect)
        .catch((error: Error) =>
          order.effect.report(`${name}: the copy that is not used is still there: ${error.message}`),
        );
    }
  }
  const missing = names.filter((name) => !used.some((one) => one.name === name));
  const restored = missing.length === 0 ? [] : await stageRestore({ ...order, storeNames: missing });
  const staged = names.flatMap((name) => [...used, ...restored].filter((one) => one.name === name));
  return { staged, used: used.map(({ name }) => name), refused };
}

async function whyNot(
  { name, staged, mark }: Omit<WaitingStore, 'bytes'>,
  { stores, effect }: RestoreOrder,
): Promise<string | null> {
  const { prestaging } = storeOf(name, stores);
  if (prestaging === undefined) return 'a store of this kind has none';
  try {
    const now = await prestaging.mark(staged, effect);
    if (now === null) return 'it is not there any more, or not whole';
    return now === mark ? null : 'somebody has changed it since it was verified';
  } catch (error) {
    effect.signal.throwIfAborted();
    if (!isProblem(error)) throw error;
    return error.message;
  }
}

/** Deletes the copies that wait for this backup. Tries every store, then throws the first problem. */
export async function discardPrestaged(stores: readonly NamedOpenStore[], id: string, effect: Effect): Promise<void> {
  const failures: unknown[] = [];
  for (const { store } of stores) await store.prestaging?.remove(id, effect).catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
