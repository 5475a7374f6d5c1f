import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import { withScratchPlace, type ScratchPlace } from '../scratch/scratch-place.ts';
import type { Capture } from '../store.ts';
import { DATA, digestOf, invalid, type CopiedFile } from './copied-files.ts';
import { runStoreCommand } from './run-store-command.ts';
import type { CommandStoreSettings } from './settings.ts';

/** A place to which data is restored: a folder, and a name for what lies elsewhere. */
export interface RestorePlace {
  into: string;
  tag: string;
}

/** Restores a copy to a place, lets it be checked there, and gives back its fingerprint. */
export async function restoreTo(
  folder: string,
  files: readonly CopiedFile[],
  { settings, place, failure }: { settings: CommandStoreSettings; place: RestorePlace; failure: ProblemKind },
  effect: Effect,
): Promise<string> {
  const bindings = { BACKUP_DIR: join(folder, DATA), INTO: place.into, TAG: place.tag };
  await runStoreCommand({ name: 'restore', argv: settings.restore, bindings }, settings, failure, effect);
  await runStoreCommand({ name: 'check', argv: settings.check, bindings }, settings, failure, effect);
  return fingerprintAt(place, files, settings, effect);
}

/** Of restored data where the team has a command for it; otherwise of the files of the copy, which says nothing about equal data. */
export async function fingerprintAt(
  { into, tag }: RestorePlace,
  files: readonly CopiedFile[],
  settings: CommandStoreSettings,
  effect: Effect,
): Promise<string> {
  if (settings.fingerprint === null) return `command-files-1:${digestOf(files)}`;
  const command = { name: 'fingerprint' as const, argv: settings.fingerprint, bindings: { INTO: into, TAG: tag } };
  const line = await runStoreCommand(command, settings, 'backup-invalid', effect);
  if (/^[\x21-\x7e]{1,200}$/.test(line)) return `command-1:${line}`;
  throw problem('backup-failed', `fingerprint printed "${line.slice(0, 200)}" as its last line`, {
    where: 'command.fingerprint',
    next: 'Let it print one word of at most 200 letters, such as a SHA-256.',
  });
}

export interface Trial {
  settings: CommandStoreSettings;
  failure: ProblemKind;
  /** Absolute. */
  scratch: string;
}

/** Restores a copy to a scratch place, lets it be checked there, gives back its fingerprint, and takes it away again. */
export async function proveCopy(
  folder: string,
  files: readonly CopiedFile[],
  { settings, failure, scratch }: Trial,
  effect: Effect,
): Promise<string> {
  const { exchange } = settings;
  // What lies elsewhere under a tag can be discarded only by the commands of the store that put it there.
  const which = exchange.by === 'commands' ? `-${digestOfWords(exchange.discard)}` : '';
  const root = {
    folder: join(scratch, `command${which}`),
    clear: (place: ScratchPlace) => discardTrial(place, settings, effect),
  };
  return withScratchPlace(root, effect, async (place, inner) => {
    const found = await restoreTo(folder, files, { settings, place: restorePlaceOf(place), failure }, inner);
    await gap('stores.command.restored');
    return found;
  });
}

function restorePlaceOf({ folder, id }: ScratchPlace): RestorePlace {
  return { into: folder, tag: `scratch_${id}` };
}

async function discardTrial(place: ScratchPlace, settings: CommandStoreSettings, effect: Effect): Promise<void> {
  if (settings.exchange.by !== 'commands') return;
  const { into, tag } = restorePlaceOf(place);
  const command = { name: 'discard' as const, argv: settings.exchange.discard, bindings: { INTO: into, TAG: tag } };
  await runStoreCommand(command, settings, 'backup-failed', effect);
}

function digestOfWords(words: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 8);
}

/** Throws `backup-invalid` when a restored copy is not what was captured. */
export function requireSame(found: string, files: readonly CopiedFile[], recorded: Capture, where: string): void {
  const counts = countersOf(files);
  for (const [name, count] of Object.entries(counts)) {
    if (recorded.counters[name] !== count)
      throw invalid(`${count} ${name} are in the copy, ${recorded.counters[name]} were captured`, where);
  }
  if (found !== recorded.fingerprint) throw invalid('the restored content differs from what was captured', where);
}

export function countersOf(files: readonly CopiedFile[]): { bytes: number; files: number } {
  return { bytes: files.reduce((sum, file) => sum + file.bytes, 0), files: files.length };
}
