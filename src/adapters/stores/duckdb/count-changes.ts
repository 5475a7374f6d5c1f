import { dirname } from 'node:path';
import type { JsonObject } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import { removeTree } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture } from '../store.ts';
import { copyThroughOwner } from './ask-owner.ts';
import { engineName } from './check-copy.ts';
import { duckdbProblem, holderIn, withDatabase } from './connection.ts';
import { isSameContent, readContent, type Content } from './fingerprint.ts';
import type { DuckdbSettings } from './settings.ts';

/**
 * `{ tables: { name: { captured, now } }, contentDiffers }` of the live database; only tables whose count differs. A service that holds
 * the file is asked for a copy, which is counted and deleted; without such a hook nothing can be told, and the holder is named.
 */
export async function countChanges(
  live: string,
  capture: Capture,
  settings: DuckdbSettings,
  effect: Effect,
): Promise<JsonObject> {
  const unknown = { tables: {}, contentDiffers: null };
  if ((await factsOf(live)) === null) return { ...unknown, missing: true };
  try {
    const content = await withDatabase(live, 'reading', effect.signal, readContent);
    return differences(capture, content, await engineName());
  } catch (error) {
    effect.signal.throwIfAborted();
    const holder = holderIn(error);
    if (holder === null) throw cannotBeCounted(live, error);
    if (settings.copyWith === null) return { ...unknown, heldBy: holder };
  }
  const content = await readThroughOwner(live, settings, effect).catch((error: unknown) => {
    effect.signal.throwIfAborted();
    throw cannotBeCounted(live, error);
  });
  return differences(capture, content, await engineName());
}

async function readThroughOwner(live: string, settings: DuckdbSettings, effect: Effect): Promise<Content> {
  if (settings.copyWith === null) throw new Error('there is no hook to ask');
  const copy = `${live}.shipway-count`;
  const facts = await factsOf(live);
  requireRoom(dirname(live), 2 * (facts?.bytes ?? 0), live); // the owner's copy and ours
  try {
    await copyThroughOwner(settings.copyWith, copy, { live, settings, effect });
    return await withDatabase(copy, 'reading', effect.signal, readContent);
  } finally {
    await removeTree(copy);
  }
}

function differences(capture: Capture, found: Content, engine: string): JsonObject {
  const then = capture.counters;
  const now = found.counters;
  const names = [...new Set([...Object.keys(then), ...Object.keys(now)])].sort();
  const changed = names.filter((name) => then[name] !== now[name]);
  return {
    tables: Object.fromEntries(changed.map((name) => [name, { captured: then[name] ?? null, now: now[name] ?? null }])),
    contentDiffers: !isSameContent(found.fingerprint, capture.fingerprint, engine === capture.engine),
  };
}

function cannotBeCounted(live: string, error: unknown): Error {
  return duckdbProblem('backup-failed', 'the changes since the backup could not be counted', live, error);
}
