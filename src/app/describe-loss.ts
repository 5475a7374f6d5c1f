import type { Plan, PlannedData } from '../core/plan/plan.ts';
import { countSentence } from '../core/rehearsal/data-shape.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import { countParts, partsIn } from '../engine/steps/step-loss.ts';
import type { BackupSummary, BackupTools } from '../engine/steps/step-backups.ts';
import type { Effect } from '../platform/effect.ts';
import { problemRecord } from '../core/release/problem.ts';
import type { App } from './app.ts';

/** What somebody loses who goes on, found out before anybody is asked. */
export interface Loss {
  /** Everything that is lost was written after this moment, RFC 3339. */
  since: string;
  /** One sentence for each thing that differs. */
  lines: string[];
  /** Only when somebody looked and nothing differs. */
  isNothing: boolean;
}

/** What a restore would throw away, one sentence for each thing that differs; what cannot be counted is said, never left out. */
export async function describeLoss(
  backups: BackupTools,
  plan: Plan,
  backup: BackupSummary,
  effect: Effect,
): Promise<Loss> {
  try {
    const { since, stores } = await backups.loss(plan, backup, effect);
    const lines = Object.entries(stores).flatMap(([store, changes]) => lossLines(store, changes));
    if (lines.length === 0) return { since, lines: ['nothing differs from the backup'], isNothing: true };
    return { since, lines, isNothing: false };
  } catch (error) {
    const said = `what would be lost cannot be counted: ${problemRecord(error).message}`;
    return { since: backup.consistentAt, lines: [said], isNothing: false };
  }
}

/** What the chosen way of a rollback throws away, where no backup is restored; `counted` is what is there now. */
export function lossOfWay(data: PlannedData, now: string, counted: readonly string[] = []): Loss {
  return { since: data.since ?? now, lines: [data.loses, ...counted], isNothing: data.since === null };
}

/** What a way down would throw away now, a sentence for each table and column; what cannot be counted is said, never left out. */
export async function downLossLines(app: App, plan: Plan, added: Json | undefined): Promise<string[]> {
  const parts = partsIn(added);
  if (parts === null) return ['cannot be counted: what the migration had added was not written down'];
  try {
    const { adapters } = await app.tools();
    const effect = await app.effect(plan, 'look/loss/0');
    const counts = await countParts({ adapters, stores: plan.stores, effect }, parts);
    const holding = counts.filter(({ count }) => count > 0);
    if (holding.length === 0) return ['nothing at this moment: what it takes away is empty'];
    return holding.map((part) => `${part.store} ${countSentence(part)} now`);
  } catch (error) {
    return [`cannot be counted: ${problemRecord(error).message}`];
  }
}

/** `database tables notes: 20 in the backup, 25 now` for every count that differs, however deep the store reports it, and what counts hide. */
export function lossLines(name: string, changes: JsonObject): string[] {
  if (changes['missing'] === true) return [`${name}: the live data is gone`];
  const counted = Object.entries(changes).flatMap(([key, value]) => lossOf(`${name} ${key}`, value));
  if (changes['contentDiffers'] === false) return counted;
  if (typeof changes['filesWrittenSince'] === 'number') {
    const seen = [...counted, ...changedSince(name, changes)];
    // Nobody has read them, so nobody knows that nothing is lost.
    return seen.length > 0 ? seen : [`${name}: nothing seems to have changed; the content was not compared`];
  }
  // Counts show what came and went. What was changed in place is lost too, and nobody has counted it.
  if (counted.length > 0)
    return [...counted, `${name}: what is in both may have been changed since; a count does not show that`];
  if (changes['contentDiffers'] === true) return [`${name}: the counts are equal, the content differs`];
  return changes['contentDiffers'] === null
    ? [`${name}: the counts are equal; whether the content differs cannot be told without holding writers up`]
    : [];
}

/** What counts do not show: a file that was written over counts as one, before and after. */
const CHANGED: { key: string; one: string; more: string; how: string }[] = [
  { key: 'filesWrittenSince', one: 'file was', more: 'files were', how: 'written' },
  {
    key: 'filesTouchedSince',
    one: 'file was',
    more: 'files were',
    how: 'renamed, put back or given other rights or times',
  },
  { key: 'linksChangedSince', one: 'link was', more: 'links were', how: 'changed' },
  { key: 'foldersChangedSince', one: 'folder got or lost', more: 'folders got or lost', how: 'something' },
];

function changedSince(name: string, changes: JsonObject): string[] {
  return CHANGED.flatMap(({ key, one, more, how }) => {
    const count = changes[key];
    if (typeof count !== 'number' || count === 0) return [];
    return [`${name}: ${count} ${count === 1 ? one : more} ${how} since the backup`];
  });
}

function lossOf(name: string, value: Json): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  if ('captured' in value && 'now' in value) {
    if (value['captured'] === value['now']) return [];
    return [`${name}: ${amount(value['captured'])} in the backup, ${amount(value['now'])} now`];
  }
  return Object.entries(value).flatMap(([key, inner]) => lossOf(`${name} ${key}`, inner));
}

function amount(value: Json | undefined): string {
  return typeof value === 'number' ? String(value) : 'none';
}
