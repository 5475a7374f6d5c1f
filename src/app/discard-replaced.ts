import { relative, resolve } from 'node:path';
import type { ReplacedData } from '../adapters/stores/store.ts';
import { isTagOfBackup } from '../core/backup/backup-id.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import { problem } from '../core/release/problem.ts';
import { timestamp } from '../platform/clock.ts';
import { effectUntil } from '../platform/effect.ts';
import { removeTree } from '../platform/files.ts';
import { findReplacedFiles } from '../platform/replace-file.ts';
import { journalBackups, replacements, withBackupLock } from '../state/backup-record.ts';
import { openReleases, personActor } from '../state/releases.ts';
import type { App } from './app.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

const LOOK = 'shipway backup discard shows what was replaced.';

/** Data that a restore or a rollback replaced, and that nobody has discarded. */
export interface Replaced {
  store: string;
  /** The release whose rollback put other data there; null: a person did, or nobody wrote it down. */
  release: string | null;
  /** When, or null where nobody wrote it down. */
  at: string | null;
  /** The backup that was put there, with a number behind it when it was put there again. */
  tag: string;
  bytes: number;
  /** Where it lies, relative to the project where it is inside. */
  place: string;
  /** Why it cannot be discarded now, or null. */
  refusal: string | null;
  /** A copy that waited for a rollback and was never live; left out otherwise. */
  isWaiting?: true;
}

interface Found {
  replaced: Replaced;
  /** Absolute. */
  keptAt: string;
  discard(): Promise<void>;
}

/** Everything that was replaced in one environment. */
export async function listReplaced(app: App, environment: string | null): Promise<Replaced[]> {
  return (await findReplaced(app, await openBackups(app, environment))).map((one) => one.replaced);
}

/**
 * What a word means: a release, a backup or the beginning of its id, or a place; null means all that may go. Throws `refused` when
 * something named is still needed, and `not-found` when nothing is meant.
 */
export async function planDiscard(app: App, environment: string | null, reference: string | null): Promise<Replaced[]> {
  const found = await findReplaced(app, await openBackups(app, environment));
  return chooseMeant(found, reference).map((one) => one.replaced);
}

/** Deletes for good what was planned and shown, after writing down that it will. What is not there any more is left out. */
export async function discardReplaced(
  app: App,
  environment: string | null,
  planned: readonly Replaced[],
): Promise<Replaced[]> {
  const opened = await openBackups(app, environment);
  const database = await app.database();
  return withBackupLock(database, opened.plan, async (lost) => {
    const places = new Set(planned.map((one) => one.place));
    const within = { ...opened, effect: effectUntil(opened.effect, lost) };
    const meant = (await findReplaced(app, within)).filter(({ replaced }) => places.has(replaced.place));
    refuseNeeded(meant);
    const { service, environment: name } = opened.plan;
    const frame = { service, environment: name, actor: personActor(app.person) };
    const events = meant.map(({ replaced: { release, store, place, bytes } }): JournalEvent => {
      return { ...frame, release, type: 'data.discarded', data: { store, place, bytes } };
    });
    await journalBackups(database.db, events);
    for (const one of meant) {
      lost.throwIfAborted();
      await one.discard();
    }
    return meant.map((one) => one.replaced);
  });
}

async function findReplaced(app: App, opened: OpenBackups): Promise<Found[]> {
  const { plan, effect } = opened;
  const place = { service: plan.service, environment: plan.environment };
  const database = await app.existingDatabase();
  const known = database === null ? new Map<string, never>() : await replacements(database.db, place);
  const open = database === null ? [] : await openReleases(database.db);
  const openHere = open
    .filter((row) => row.service === place.service && row.environment === place.environment)
    .map((row) => row.id);
  const found: Found[] = [];
  for (const { name, store } of opened.stores(plan)) {
    for (const data of await store.replaced(effect)) {
      const by = known.get(data.record.keptAt) ?? null;
      const { tag, bytes } = data;
      const facts = { release: by?.release ?? null, at: by?.at ?? null, tag, bytes };
      const refusal = refusalOf(data, by, openHere);
      const replaced = { store: name, ...facts, place: placeOf(data.record.keptAt, app.projectDirectory), refusal };
      const { keptAt } = data.record;
      found.push({ replaced, keptAt, discard: () => store.discard(data.record, effect) });
    }
  }
  return [...found, ...(await findWaiting(app, opened, openHere)), ...(await findEnvironments(app, plan, openHere))];
}

/** Copies that waited for a rollback of a release that is over, and that could not be deleted at its end. */
async function findWaiting(app: App, opened: OpenBackups, open: readonly string[]): Promise<Found[]> {
  const { plan, effect } = opened;
  const refusal = open.length === 0 ? null : `it waits until ${open.join(', ')} is over`;
  const found: Found[] = [];
  for (const { name, store } of opened.stores(plan)) {
    const { prestaging } = store;
    for (const { place, tag, bytes } of (await prestaging?.list(effect)) ?? []) {
      // A name like ours is not enough to delete what somebody has put there.
      if (!isTagOfBackup(tag)) continue;
      const frame = { store: name, release: null, at: null, tag, bytes, refusal, isWaiting: true as const };
      const replaced = { ...frame, place: place.startsWith('/') ? placeOf(place, app.projectDirectory) : place };
      found.push({ replaced, keptAt: place, discard: async () => prestaging?.remove(tag, effect) });
    }
  }
  return found;
}

/** Env files that a rollback put another one in the place of; the release is in their name. */
async function findEnvironments(app: App, { envFile }: Plan, open: readonly string[]): Promise<Found[]> {
  if (envFile === null) return [];
  const found = await findReplacedFiles(resolve(app.projectDirectory, envFile));
  return found.map(({ path, tag, bytes, mtimeMs }) => {
    const refusal = open.includes(tag) ? `${tag} is not over` : null;
    const place = placeOf(path, app.projectDirectory);
    const replaced = { store: 'environment', release: tag, at: timestamp(mtimeMs), tag, bytes, place, refusal };
    return { replaced, keptAt: path, discard: () => removeTree(path) };
  });
}

function refusalOf(data: ReplacedData, by: { release: string | null } | null, open: string[]): string | null {
  if (data.state === 'half') return 'the restore that replaced it is not finished';
  if (by !== null) return by.release !== null && open.includes(by.release) ? `${by.release} is not over` : null;
  // Killed between the swap and its journal entry: it may be of any release that is not over.
  return open.length === 0 ? null : `nobody wrote down who replaced it, and ${open.join(', ')} is not over`;
}

function placeOf(keptAt: string, projectDirectory: string): string {
  const inside = relative(projectDirectory, keptAt);
  return inside.startsWith('..') ? keptAt : inside;
}

function chooseMeant(found: readonly Found[], reference: string | null): Found[] {
  if (reference === null) return found.filter(({ replaced }) => replaced.refusal === null);
  const meant = found.filter(
    ({ replaced, keptAt }) =>
      replaced.release === reference ||
      (reference.startsWith('bk_') && replaced.tag.startsWith(reference)) ||
      replaced.place === reference ||
      keptAt === reference,
  );
  if (meant.length === 0) {
    throw problem('not-found', `nothing that ${JSON.stringify(reference)} means was replaced`, { next: LOOK });
  }
  refuseNeeded(meant);
  return meant;
}

function refuseNeeded(meant: readonly Found[]): void {
  const needed = meant.find(({ replaced }) => replaced.refusal !== null)?.replaced;
  if (needed === undefined) return;
  throw problem('refused', `${needed.store}: ${needed.refusal ?? ''}`, {
    where: needed.place,
    next: needed.release === null ? LOOK : `Bring it to an end first: shipway show ${needed.release}`,
  });
}
