import {
  discardStaged,
  recordsOf,
  swapRestore,
  type NamedOpenStore,
  type StagedStore,
  type SwapEnd,
  type SwappedStore,
} from '../adapters/vaults/index.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import { isProblem, problem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import type { Database } from '../state/open-database.ts';
import { releaseOf, tellJournal } from './record-proof.ts';

interface At {
  stores: NamedOpenStore[];
  open: () => Promise<Database>;
  plan: Plan;
}

/** Swaps every store or none. What will be replaced, and where it is kept, is in the journal before; how it ended, after. */
export async function swapIn({ stores, open, plan }: At, staged: JsonObject, effect: Effect): Promise<JsonObject> {
  const copies = stagedIn(staged);
  const facts = factsOf(recordsOf(copies, stores, effect), plan);
  const news = { backup: backupOf(staged), token: effect.token };
  await tellJournal(open, plan, { ...news, type: 'backup.restoring', facts });
  const end = await swapRestore(copies, stores, effect);
  if (end.state === 'swapped') {
    await tellJournal(open, plan, { ...news, type: 'backup.restored', facts });
    return { backup: staged['backup'] ?? null, swapped: end.swapped as unknown as Json };
  }
  const failure = failureOf(end);
  const { notPutBack } = end;
  await tellJournal(open, plan, {
    ...news,
    type: 'backup.restore-failed',
    facts: { ...facts, notPutBack, fault: failure.message },
  });
  // A release goes on with them when it is resumed; by hand everything begins anew, but for what was begun before and may have been in use.
  const isOurs = releaseOf(effect.token) === null && staged['finishes'] !== true;
  if (isOurs && notPutBack.length === 0) await discardStaged(copies, end.putBack, stores, effect);
  throw failure;
}

/** Deletes copies that were staged and never swapped in. */
export function unstage(
  staged: JsonObject,
  { stores, effect }: { stores: NamedOpenStore[]; effect: Effect },
): Promise<void> {
  return discardStaged(stagedIn(staged), [], stores, effect);
}

function stagedIn(staged: JsonObject): StagedStore[] {
  return staged['staged'] as unknown as StagedStore[];
}

/** The backup that was staged, as `stage` wrote it down. */
function backupOf(staged: JsonObject): string {
  const { backup } = staged;
  return typeof backup === 'string' ? backup : '';
}

function factsOf(records: readonly SwappedStore[], plan: Plan): { kept: string[]; stores: JsonObject[] } {
  return {
    kept: records.flatMap(({ record }) => (record.keptAt === null ? [] : [record.keptAt])),
    stores: records.map(({ name }) => ({ name, kind: plan.stores.find((one) => one.name === name)?.kind ?? '' })),
  };
}

function failureOf({ error, store, putBack, notPutBack }: Extract<SwapEnd, { state: 'failed' }>): Error {
  const why = error instanceof Error ? error.message : String(error);
  // Of an emptied cache nothing is kept, and nothing comes back.
  const back = putBack.flatMap(({ name, record }) => (record.keptAt === null ? [] : [name]));
  const isAre = back.length === 1 ? 'is again as it was' : 'are again as they were';
  const words = [
    `${store} could not be put in place: ${why}`,
    ...(back.length === 0 ? [] : [`${back.join(', ')} ${isAre} before`]),
    ...(notPutBack.length === 0 ? [] : [`NOT PUT BACK: ${notPutBack.join('; ')}`]),
  ];
  const known = isProblem(error) ? error : null;
  const next = known?.next ?? 'Find out why, then restore again.';
  return problem(known?.kind ?? 'restore-failed', words.join('; '), {
    next: notPutBack.length === 0 ? next : `${next} What was replaced is kept: shipway backup discard shows where.`,
    where: known?.where ?? store,
    retry: known?.retry ?? false,
    cause: error,
  });
}
