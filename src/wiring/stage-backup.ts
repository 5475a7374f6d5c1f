import { prestageRestore, stageOrReuse, type RestoreOrder, type WaitingStore } from '../adapters/vaults/index.ts';
import { formatBytes } from '../core/plan/format-bytes.ts';
import type { NamedStore } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import type { Database } from '../state/open-database.ts';
import { recordStaged } from './record-proof.ts';

interface At {
  open: () => Promise<Database>;
  plan: Plan;
}

/** Lets copies wait beside the live data. A copy that was compared with its capture is as good a proof as any restore. */
export async function prestage(
  of: RestoreOrder,
  { open, plan }: At,
  request: { id: string; stores: NamedStore[] },
): Promise<JsonObject> {
  const { effect } = of;
  const startedMs = effect.clock.nowMs();
  const { waiting, later } = await prestageRestore({ ...of, storeNames: namesOf(request) });
  const seconds = (effect.clock.nowMs() - startedMs) / 1000;
  const storeNames = waiting.map(({ name }) => name);
  if (storeNames.length > 0)
    await recordStaged({ open, plan, effect, by: null }, { ...of, id: request.id, storeNames }, seconds);
  const bytes = waiting.reduce((sum, one) => sum + one.bytes, 0);
  const where = storeNames.length === 0 ? 'nothing' : `${storeNames.join(', ')} (about ${formatBytes(bytes)})`;
  effect.report(`waits beside the live data until the release is over: ${where}`);
  if (later.length > 0)
    effect.report(`restored only when it is needed, because a copy cannot wait: ${later.join(', ')}`);
  return { backup: request.id, waiting: waiting as unknown as Json, later, bytes, seconds };
}

/** Takes the copies that wait and are as they were verified; restores the others beside the live data and verifies them there. */
export async function stage(
  of: RestoreOrder,
  { open, plan }: At,
  request: { id: string; stores: NamedStore[]; waiting?: JsonObject | null },
): Promise<JsonObject> {
  const { effect } = of;
  const startedMs = effect.clock.nowMs();
  const order = { ...of, storeNames: namesOf(request) };
  const { staged, used, refused } = await stageOrReuse(order, waitingOf(request));
  for (const { name, why } of refused) effect.report(`${name}: the copy that waited is not used: ${why}`);
  if (used.length > 0) effect.report(`waited beside the live data, and nobody has touched it: ${used.join(', ')}`);
  const restored = order.storeNames.filter((name) => !used.includes(name));
  const seconds = (effect.clock.nowMs() - startedMs) / 1000;
  if (restored.length > 0)
    await recordStaged({ open, plan, effect, by: null }, { ...of, id: request.id, storeNames: restored }, seconds);
  return { backup: request.id, staged: staged as unknown as Json, ...(used.length > 0 ? { waited: used } : {}) };
}

/** Only those of the very backup that is wanted. */
function waitingOf({ id, waiting }: { id: string; waiting?: JsonObject | null }): WaitingStore[] {
  if (waiting === undefined || waiting === null || waiting['backup'] !== id) return [];
  return waiting['waiting'] as unknown as WaitingStore[];
}

function namesOf({ stores }: { stores: NamedStore[] }): string[] {
  return stores.map((store) => store.name);
}
