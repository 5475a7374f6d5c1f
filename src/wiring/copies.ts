import { placeKinds, type PlaceKind } from '../adapters/places/index.ts';
import type { Place } from '../adapters/places/place.ts';
import {
  copyBackup,
  fetchBackup,
  listCopied,
  markCopied,
  probePlace,
  removeCopied,
  unmarkCopied,
  type Sealed,
  type SecondPlace,
  type Vault,
} from '../adapters/vaults/index.ts';
import type { CopyPlace } from '../core/config/service-config.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import { formatDuration } from '../core/plan/format-duration.ts';
import type { Plan } from '../core/plan/plan.ts';
import { assertNever } from '../core/release/assert-never.ts';
import { isProblem, problem, problemRecord } from '../core/release/problem.ts';
import type { BackupSummary } from '../engine/steps/step-backups.ts';
import type { CopyOutcome, CopyTools, PlaceAct } from '../engine/steps/step-copies.ts';
import type { Effect } from '../platform/effect.ts';
import type { Database } from '../state/open-database.ts';
import { journalBackup, recordedManifest } from '../state/sealed-backups.ts';
import { placeOf, releaseOf } from './record-proof.ts';

export interface CopyParts {
  open: () => Promise<Database>;
  vaultOf: (plan: Plan) => Vault;
  summaryOf: (sealed: Sealed) => BackupSummary;
}

/** The second places of a plan: what lies in the vault meets what lies there, and the journal hears of it. */
export function copyTools({ open, vaultOf, summaryOf }: CopyParts): CopyTools {
  return {
    async copy(plan, request, effect) {
      const chosen = placeNamed(plan, request.place);
      const startedMs = effect.clock.nowMs();
      try {
        const result = await within(chosen, chosen.limitSeconds, effect, async (place, limited) => {
          const vault = vaultOf(plan);
          const sealed = await vault.show(request.id, placeOf(plan));
          return copyBackup({ sealed, vault, place, unencrypted: chosen.unencrypted, effect: limited });
        });
        const seconds = (effect.clock.nowMs() - startedMs) / 1000;
        const outcome: CopyOutcome = { backup: request.id, place: request.place, ...result, seconds };
        await tell({ open, plan, effect }, (frame) => ({ ...frame, type: 'backup.copied', data: { ...outcome } }));
        return outcome;
      } catch (error) {
        const data = { backup: request.id, place: request.place, fault: problemRecord(error).message };
        await tell({ open, plan, effect }, (frame) => ({ ...frame, type: 'backup.copy-failed', data }));
        throw error;
      }
    },
    at: (plan, { place: name, limitSeconds }, effect, use) =>
      within(placeNamed(plan, name), limitSeconds, effect, (place, limited) => {
        const second = { place, vault: vaultOf(plan) };
        return use(actOn(second, plan, limited, { open, summaryOf, name }));
      }),
  };
}

function actOn(
  second: SecondPlace,
  plan: Plan,
  effect: Effect,
  { open, summaryOf, name }: Pick<CopyParts, 'open' | 'summaryOf'> & { name: string },
): PlaceAct {
  return {
    where: second.place.where,
    list: () => listCopied(second, placeOf(plan)),
    async bringBack(id) {
      const was = await standingOf(second.vault, id);
      const recordedSha256 = await recordedManifest((await open()).db, id);
      const sealed = await fetchBackup({ ...second, id, recordedSha256, effect }).catch(async (error: unknown) => {
        // What lies there counts for nothing from now on: neither in a list nor where prune decides what may go.
        if (isProblem(error) && error.kind === 'backup-invalid') {
          const data = { backup: id, place: name, fault: error.message };
          await tell({ open, plan, effect }, (frame) => ({ ...frame, type: 'backup.copy-damaged', data }));
        }
        throw error;
      });
      if (was !== 'listed') await tell({ open, plan, effect }, (frame) => cameBack(frame, { was, sealed, name }));
      return summaryOf(sealed);
    },
    mark: (tombstone) => markCopied(second, tombstone),
    unmark: (id) => unmarkCopied(second, id),
    remove: (id) => removeCopied(second, id),
    probe: () => probePlace(second.place),
  };
}

type Standing = 'listed' | 'trashed' | 'absent';

async function standingOf(vault: Vault, id: string): Promise<Standing> {
  if ((await vault.list()).some((entry) => entry.id === id)) return 'listed';
  const isTrashed = (await vault.pruned()).some(({ tombstone, data }) => tombstone.id === id && data === 'whole');
  return isTrashed ? 'trashed' : 'absent';
}

/** What was whole in the trash was taken out of it, and nothing came from the place. */
function cameBack(
  frame: Frame,
  { was, sealed, name }: { was: Exclude<Standing, 'listed'>; sealed: Sealed; name: string },
): JournalEvent {
  const { manifest, manifestSha256 } = sealed;
  switch (was) {
    case 'trashed':
      return { ...frame, type: 'backup.recovered', data: { backup: manifest.id, rule: `fetched from ${name}` } };
    case 'absent':
      return { ...frame, type: 'backup.fetched', data: { backup: manifest.id, place: name, manifest: manifestSha256 } };
    default:
      return assertNever(was);
  }
}

type Frame = Pick<JournalEvent, 'release' | 'service' | 'environment' | 'actor'>;

async function tell(
  { open, plan, effect }: { open: () => Promise<Database>; plan: Plan; effect: Effect },
  event: (frame: Frame) => JournalEvent,
): Promise<void> {
  const frame: Frame = { release: releaseOf(effect.token), ...placeOf(plan), actor: { kind: 'system', id: 'backups' } };
  await journalBackup((await open()).db, event(frame));
}

function placeNamed({ backupCopies = [] }: Plan, name: string): CopyPlace {
  const found = backupCopies.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = backupCopies.map((one) => one.name).join(', ');
  throw problem('usage', `there is no place for copies called "${name}"`, {
    where: 'backups.copies',
    next: names === '' ? 'Name a place under backups.copies of the release file.' : `Use one of: ${names}`,
  });
}

/** Opens the place, lets it be used no longer than the limit, and closes it. */
async function within<Result>(
  { name, kind, settings }: CopyPlace,
  limitSeconds: number,
  effect: Effect,
  use: (place: Place, effect: Effect) => Promise<Result>,
): Promise<Result> {
  const limit = AbortSignal.timeout(limitSeconds * 1000);
  const limited = { ...effect, signal: AbortSignal.any([effect.signal, limit]) };
  const place = kindNamed(kind).open(settings, limited);
  try {
    return await use(place, limited);
  } catch (error) {
    if (!limit.aborted || effect.signal.aborted) throw error;
    throw problem('command-timed-out', `${name} took longer than its limit of ${formatDuration(limitSeconds)}`, {
      where: place.where,
      next: 'What was sent stays there, and shipway backup copy goes on from it. Or raise limit: under backups.copies.',
      cause: error,
    });
  } finally {
    await place.close();
  }
}

/** A plan may be older than this program. */
function kindNamed(kind: string): PlaceKind {
  const known: Record<string, PlaceKind> = placeKinds;
  const found = Object.hasOwn(known, kind) ? known[kind] : undefined;
  if (found !== undefined) return found;
  throw problem('config-invalid', `this version of shipway has no place for copies of kind ${kind}`, {
    next: `Use one of: ${Object.keys(placeKinds).join(', ')}`,
  });
}
