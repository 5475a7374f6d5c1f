import type { NamedStore } from '../../core/config/service-config.ts';
import {
  countSentence,
  isSamePart,
  partName,
  partsBeyond,
  type DataPart,
  type DataShape,
  type PartCount,
} from '../../core/rehearsal/data-shape.ts';
import type { Json, JsonObject } from '../../core/release/json.ts';
import { isProblem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import type { StepContext } from './step.ts';
import type { Adapters } from './step-tools.ts';

/** A part of the data of a store of the plan. */
export type StorePart = DataPart & { store: string };
export type StoreCount = PartCount & { store: string };
/** By store, of those that have columns. */
export type Shapes = Record<string, DataShape>;

/** A release file with as many new columns in one migration is a machine's; they are not written down one by one. */
const PARTS_MAX = 1000;

/** Of all tables together: about 200 KB in the journal. */
const NOTED_COLUMNS_MAX = 10_000;

interface Place {
  adapters: Pick<Adapters, 'counting'>;
  stores: readonly NamedStore[];
  effect: Effect;
}

export function placeOfStep({ tools, plan, effect }: StepContext): Place {
  return { adapters: tools.adapters, stores: plan.stores, effect };
}

/** The tables and columns that are there; null, and said, where nobody can look. No migration fails because of it. */
export async function readShapes({ adapters, stores, effect }: Place): Promise<Shapes | null> {
  const shapes: Shapes = {};
  try {
    for (const store of stores) {
      const counting = adapters.counting(store, effect);
      if (counting !== null) shapes[store.name] = await counting.shape(effect);
    }
    return shapes;
  } catch (error) {
    if (!isProblem(error)) throw error;
    effect.report(`what a way down would throw away is not known: ${error.message}`);
    return null;
  }
}

/** What is in the second and not in the first; null where one of them is not known, or where it is too much to be kept. */
export function partsAdded(before: Shapes | null, after: Shapes | null): StorePart[] | null {
  if (before === null || after === null) return null;
  const parts = Object.entries(after).flatMap(([store, shape]) =>
    partsBeyond(before[store] ?? {}, shape).map((part) => ({ store, ...part })),
  );
  return parts.length > PARTS_MAX ? null : parts;
}

/** Written down before the way up is gone; what would be too much to be kept is not. */
export async function noteShapes({ releaseId, step, tools }: StepContext, shapes: Shapes | null): Promise<void> {
  if (shapes === null || Object.keys(shapes).length === 0) return;
  const columns = Object.values(shapes).flatMap((shape) => Object.values(shape).flat());
  if (columns.length <= NOTED_COLUMNS_MAX) await tools.memory.noteShapes(releaseId, step.id, shapes);
}

/**
 * What a way up that did not come to its end has left: the tool's revision says nothing of it where it has no transaction around. Empty where
 * nothing was written down, where nobody can look, and where the way up came to its end. Indexes, constraints and values are not looked at.
 */
export async function leftHalf(context: StepContext, wayUp: string): Promise<string[]> {
  const { releaseId, tools } = context;
  if ((await tools.memory.resultOf(releaseId, wayUp)) !== null) return [];
  const noted = await tools.memory.notedShapes(releaseId, wayUp);
  if (noted === null) return [];
  const before = noted as unknown as Shapes;
  const now = await readShapes(placeOfStep(context));
  const named = (parts: StorePart[] | null, word: string): string[] =>
    (parts ?? []).map((part) => `${part.store} ${partName(part)} ${word}`);
  return [...named(partsAdded(before, now), 'is there'), ...named(partsAdded(now, before), 'is gone')];
}

/** Read back from the result of a migration or the input of a step; null where it does not say. */
export function partsIn(value: Json | undefined): StorePart[] | null {
  return Array.isArray(value) ? (value as unknown as StorePart[]) : null;
}

/** What is in these parts now; throws what the store throws. */
export async function countParts({ adapters, stores, effect }: Place, parts: StorePart[]): Promise<StoreCount[]> {
  const counts: StoreCount[] = [];
  for (const store of stores) {
    const asked = parts.filter((part) => part.store === store.name);
    const counting = asked.length === 0 ? null : adapters.counting(store, effect);
    const found = (await counting?.count(asked, effect)) ?? [];
    counts.push(...found.map((count) => ({ store: store.name, ...count })));
  }
  return counts;
}

export interface CountedLoss {
  /** Also those that hold nothing. */
  parts: StoreCount[];
  /** Why it is not all, or null. */
  uncounted: string | null;
}

/** What a way down is about to throw away, counted when nobody writes any more. It is told even where it cannot be counted. */
export async function countLoss(context: StepContext): Promise<CountedLoss> {
  const added = await addedBefore(context);
  if (added === null) return { parts: [], uncounted: 'what the migration had added was not written down' };
  try {
    return { parts: await countParts(placeOfStep(context), added), uncounted: null };
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { parts: [], uncounted: error.message };
  }
}

/** By hand the plan names it; on the way back out of a release its own migration has found it. */
async function addedBefore({ step, tools, releaseId }: StepContext): Promise<StorePart[] | null> {
  const named = partsIn(step.input['added']);
  const undoes = step.input['undoes'];
  if (named !== null || typeof undoes !== 'string') return named;
  return partsIn((await tools.memory.resultOf(releaseId, undoes))?.['added']);
}

/** Parts that went and that nobody had counted: the way down took more than the way up had brought. */
export function goneUncounted(before: Shapes | null, after: Shapes | null, { parts }: CountedLoss): string[] {
  const gone = partsAdded(after, before) ?? [];
  return gone.filter((part) => !parts.some((one) => one.store === part.store && isSamePart(one, part))).map(partName);
}

const holdsAny = ({ count }: PartCount): boolean => count > 0;

export function lossWords({ parts, uncounted }: CountedLoss): string[] {
  const counted = parts.filter(holdsAny).map((part) => `the way down throws away ${part.store} ${countSentence(part)}`);
  return uncounted === null ? counted : [...counted, `what the way down throws away is not counted: ${uncounted}`];
}

export function lossRecord({ parts, uncounted }: CountedLoss): JsonObject {
  return { parts: parts.filter(holdsAny) as unknown as Json, uncounted };
}
