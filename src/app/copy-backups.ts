import type { CopiedBackup } from '../adapters/vaults/copied-backup.ts';
import type { Sealed } from '../adapters/vaults/vault.ts';
import { isBackupOf, parseBackupId } from '../core/backup/backup-id.ts';
import { recipientsOf, storedBytesOf } from '../core/backup/manifest.ts';
import type { CopyPlace } from '../core/config/service-config.ts';
import { problem, problemRecord, type ProblemRecord } from '../core/release/problem.ts';
import type { BackupSummary } from '../engine/steps/step-backups.ts';
import { effectUntil } from '../platform/effect.ts';
import { withBackupLock } from '../state/backup-record.ts';
import { damagedCopies } from '../state/copy-record.ts';
import type { App } from './app.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

export interface CopyWish {
  environment: string | null;
  /** Id, unique beginning of one, or `before:<release>`; null: every backup that is missing there. */
  reference: string | null;
  /** Name of a place; null: all of them. */
  place: string | null;
}

/** What became of one backup in one place. */
export interface CopyDeed {
  backup: string;
  place: string;
  required: boolean;
  /** `there`: nothing was to do. `skipped`: it may not go there. */
  outcome: 'copied' | 'there' | 'skipped' | 'failed';
  sentBytes: number;
  keptBytes: number;
  seconds: number;
  fault: ProblemRecord | null;
}

const LIST_LIMIT_SECONDS = 300; // some hundred backups over a slow line

/** Sends what is missing. A place that cannot be reached does not keep the others from getting theirs. */
export async function copyBackups(app: App, wish: CopyWish): Promise<CopyDeed[]> {
  const opened = await openBackups(app, wish.environment);
  const deeds: CopyDeed[] = [];
  for (const place of placesMeant(opened, wish.place)) {
    if (wish.reference === null) deeds.push(...(await copyMissing(opened, place)));
    else deeds.push(await copyOne(opened, place, (await opened.backups.find(opened.plan, wish.reference)).id));
  }
  return deeds;
}

/** What copying would do: which backups each place lacks. Asks the places, and sends nothing. */
export async function planCopies(app: App, wish: CopyWish): Promise<{ place: string; backups: string[] }[]> {
  const opened = await openBackups(app, wish.environment);
  const wanted = wish.reference === null ? null : (await opened.backups.find(opened.plan, wish.reference)).id;
  const found: { place: string; backups: string[] }[] = [];
  for (const place of placesMeant(opened, wish.place)) {
    const lacking = (await lackingIn(opened, place)).map(({ manifest }) => manifest.id);
    found.push({ place: place.name, backups: lacking.filter((id) => wanted === null || id === wanted) });
  }
  return found;
}

/** A new backup to every place; none is left out because another one failed. Nothing where the release file names no place. */
export async function copyNew(app: App, environment: string | null, id: string): Promise<CopyDeed[]> {
  const opened = await openBackups(app, environment);
  const deeds: CopyDeed[] = [];
  for (const place of opened.plan.backupCopies ?? []) deeds.push(await copyOne(opened, place, id));
  return deeds;
}

/** The first failure that must not be overlooked; null when there is none. `required` alone counts after a backup was taken. */
export function copyFailure(deeds: readonly CopyDeed[], which: 'any' | 'required'): Error | null {
  const failed = deeds.find(({ outcome, required }) => outcome === 'failed' && (which === 'any' || required));
  if (failed === undefined || failed.fault === null) return null;
  const { kind, message, next, where } = failed.fault;
  const details = where === null ? { next } : { next, where };
  return problem(kind, `${failed.backup} is not copied to ${failed.place}: ${message}`, details);
}

function placesMeant({ plan }: OpenBackups, name: string | null): CopyPlace[] {
  const places = plan.backupCopies ?? [];
  if (places.length === 0) {
    throw problem('refused', 'the release file names no second place for backups', {
      where: 'backups.copies',
      next: 'Name one: backups: { copies: [{ directory: /mnt/backups }] }',
    });
  }
  if (name === null) return places;
  const found = places.find((place) => place.name === name);
  if (found !== undefined) return [found];
  throw problem('usage', `there is no place for copies called "${name}"`, {
    where: 'backups.copies',
    next: `Use one of: ${places.map((place) => place.name).join(', ')}`,
  });
}

/** Newest first: what is worth most is safe first. After the first sign that the place is not there, the rest is not tried. */
async function copyMissing(opened: OpenBackups, place: CopyPlace): Promise<CopyDeed[]> {
  const deeds: CopyDeed[] = [];
  let lacking: Sealed[];
  try {
    lacking = await lackingIn(opened, place);
  } catch (error) {
    return [{ ...nothingDone(place, 'all of them'), outcome: 'failed', fault: problemRecord(error) }];
  }
  for (const { manifest } of lacking.toReversed()) {
    const isOpen = manifest.seal === undefined || (recipientsOf(manifest).length === 0 && !place.unencrypted);
    const deed: CopyDeed = isOpen
      ? { ...nothingDone(place, manifest.id), outcome: 'skipped' }
      : await copyOne(opened, place, manifest.id);
    deeds.push(deed);
    if (deed.fault !== null && ['unreachable', 'not-permitted', 'disk-full'].includes(deed.fault.kind)) return deeds;
  }
  return deeds;
}

/** Backups of the vault that the place does not have whole, oldest first. */
async function lackingIn(opened: OpenBackups, place: CopyPlace): Promise<Sealed[]> {
  const { plan, effect, backups } = opened;
  const limits = { place: place.name, limitSeconds: LIST_LIMIT_SECONDS };
  const there = await backups.copies.at(plan, limits, effect, (act) => act.list());
  const whole = new Map(there.flatMap(({ id, state, sealed }) => (state === 'half' ? [] : [[id, sealed] as const])));
  const listed = (await opened.vault(plan).list()).filter(({ id }) => isBackupOf(id, plan.service, plan.environment));
  return listed.flatMap(({ id, sealed }) =>
    sealed === null || whole.get(id)?.manifestSha256 === sealed.manifestSha256 ? [] : [sealed],
  );
}

async function copyOne({ plan, effect, backups }: OpenBackups, place: CopyPlace, id: string): Promise<CopyDeed> {
  try {
    const { sentFiles, sentBytes, keptBytes, seconds } = await backups.copies.copy(
      plan,
      { id, place: place.name },
      effect,
    );
    const outcome = sentFiles === 0 && sentBytes === 0 ? 'there' : 'copied';
    return { ...nothingDone(place, id), outcome, sentBytes, keptBytes, seconds };
  } catch (error) {
    return { ...nothingDone(place, id), outcome: 'failed', fault: problemRecord(error) };
  }
}

function nothingDone(place: CopyPlace, backup: string): CopyDeed {
  const { name, required } = place;
  return { backup, place: name, required, outcome: 'there', sentBytes: 0, keptBytes: 0, seconds: 0, fault: null };
}

/** A backup that lies in a second place, as it is shown. */
export interface BackupThere {
  id: string;
  state: CopiedBackup['state'];
  createdAt: string;
  stores: string[];
  bytes: number;
  storedBytes: number;
  encryptedFor: string[];
  signer: string | null;
  /** Why its manifest cannot be trusted, or null. */
  reason: string | null;
  /** What a fetch found wrong with it, or null. */
  damage: string | null;
  /** When it was marked to be deleted, or null. */
  prunedAt: string | null;
  isHere: boolean;
}

/** What lies in a place, newest first; asks the place itself. */
export async function listThere(
  app: App,
  environment: string | null,
  place: string,
): Promise<{ where: string; backups: BackupThere[] }> {
  const opened = await openBackups(app, environment);
  placesMeant(opened, place);
  const here = new Set((await opened.vault(opened.plan).list()).map(({ id }) => id));
  const limits = { place, limitSeconds: LIST_LIMIT_SECONDS };
  const database = await app.existingDatabase();
  const damaged = database === null ? new Map<string, string>() : await damagedCopies(database.db, opened.plan, place);
  return opened.backups.copies.at(opened.plan, limits, opened.effect, async (act) => {
    const backups = (await act.list()).map((copied) => ({
      ...thereOf(copied, here.has(copied.id)),
      damage: damaged.get(copied.id) ?? null,
    }));
    return { where: act.where, backups: backups.toReversed() };
  });
}

function thereOf({ id, state, sealed, reason, tombstone }: CopiedBackup, isHere: boolean): Omit<BackupThere, 'damage'> {
  const manifest = sealed?.manifest;
  return {
    id,
    state,
    createdAt: manifest?.createdAt.end ?? new Date(parseBackupId(id)?.takenAtMs ?? 0).toISOString(),
    stores: manifest?.stores.map(({ name }) => name) ?? [],
    bytes: manifest?.totals.bytes ?? 0,
    storedBytes: manifest === undefined ? 0 : storedBytesOf(manifest),
    encryptedFor: manifest === undefined ? [] : recipientsOf(manifest),
    signer: manifest?.seal?.signer ?? null,
    reason,
    prunedAt: tombstone?.prunedAt ?? null,
    isHere,
  };
}

/** Brings a backup back from a place; the id may be cut short if it stays unique there. */
export async function fetchBackup(
  app: App,
  wish: { environment: string | null; reference: string; place: string },
): Promise<BackupSummary> {
  const opened = await openBackups(app, wish.environment);
  const { plan, effect, backups } = opened;
  const [chosen] = placesMeant(opened, wish.place);
  const limits = { place: wish.place, limitSeconds: chosen?.limitSeconds ?? LIST_LIMIT_SECONDS };
  const database = await app.database();
  const lock = new AbortController();
  return backups.copies.at(plan, limits, effectUntil(effect, lock.signal), async (act) => {
    const id = idMeant(await act.list(), wish, act.where);
    // Nobody may prune it, or empty the trash, while it comes back.
    return withBackupLock(database, plan, (lost) => {
      lost.addEventListener('abort', () => lock.abort(lost.reason));
      return act.bringBack(id);
    });
  });
}

/** What a fetch would bring; sends and writes nothing. */
export async function planFetch(
  app: App,
  wish: { environment: string | null; reference: string; place: string },
): Promise<BackupThere> {
  const { where, backups } = await listThere(app, wish.environment, wish.place);
  const id = idMeant(backups, wish, where);
  const found = backups.find((backup) => backup.id === id);
  if (found === undefined) throw new Error(`${id} was found and is not listed`);
  return found;
}

function idMeant(
  there: readonly { id: string }[],
  { reference, place }: { reference: string; place: string },
  where: string,
): string {
  const matches = there.filter(
    ({ id }) => id === reference || (reference.startsWith('bk_') && id.startsWith(reference)),
  );
  const [only, second] = matches;
  if (only !== undefined && second === undefined) return only.id;
  const next = `See: shipway backup list --at ${place}`;
  if (only === undefined)
    throw problem('not-found', `there is no backup ${JSON.stringify(reference)} in ${place}`, { where, next });
  throw problem('usage', `${reference} is the beginning of ${matches.length} backups`, { where, next });
}
