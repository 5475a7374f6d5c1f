import { join } from 'node:path';
import { isProblem, problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import type { Capture, ProvenCopy, Staged } from '../store.ts';
import { ARCHIVE, checkCopy, readDescription, requireSame } from './check-copy.ts';
import { imageFor, volumeFacts } from './containers.ts';
import type { VolumeStore } from './docker.ts';
import {
  copyIn,
  listVolume,
  proofVolumeOf,
  runScript,
  withWorkbench,
  workFolder,
  type Workbench,
} from './workbench.ts';
import { anchorOf, namesForTag, readNote, writeNote, type RestoreNames } from './restore-note.ts';
import { countersOf } from './volume-entries.ts';
import { createVolume, removeVolume, requireLocal } from './volumes.ts';

/** Restores to a new volume, which goes again, and reads that back. */
export async function proveVolume(
  store: VolumeStore,
  { folder, recorded, scratch }: { folder: string; recorded: Capture; scratch: string },
  effect: Effect,
): Promise<ProvenCopy> {
  await checkCopy(folder, recorded);
  const image = await imageFor(store, 'check-failed', effect);
  const order = { store, image, kind: 'check-failed', folder: join(scratch, 'volume') } as const;
  const entries = await withWorkbench(order, effect, async (bench, within) => {
    const name = proofVolumeOf(bench.place);
    const description = { format: 1, driver: 'local', labels: {} } as const;
    await createVolume(store, { name, description, role: 'proof' }, within);
    await gap('stores.volume.made');
    const found = await fill(bench, { volume: name, folder, recorded }, within);
    await gap('stores.volume.restored');
    return found;
  });
  const files = countersOf(entries)['files'];
  return {
    checked: [`${files} files restored into a new volume and read back: names, owners, rights and content as captured`],
    notChecked: [],
  };
}

interface FillRequest {
  volume: string;
  folder: string;
  recorded: Capture;
}

/** Fills an empty volume and compares what docker reads back from it with the capture. */
async function fill(bench: Workbench, { volume, folder, recorded }: FillRequest, effect: Effect) {
  await copyIn(bench, volume, join(folder, ARCHIVE), effect);
  const entries = await listVolume(bench, volume, effect);
  requireSame(entries, recorded, `docker volume ${volume}`);
  return entries;
}

interface StageRequest {
  folder: string;
  recorded: Capture;
  tag: string;
}

/** Restores into a new volume beside the live one; the live one is only looked up. */
export async function stageVolume(store: VolumeStore, request: StageRequest, effect: Effect): Promise<Staged> {
  const { folder, recorded, tag } = request;
  await checkCopy(folder, recorded);
  const description = await readDescription(folder);
  requireLocal((await volumeFacts(store, store.settings.name, 'restore-failed', effect)) ?? description, store);
  const names = await freeNames(store, tag, effect);
  const image = await imageFor(store, 'restore-failed', effect);
  const order = { store, image, kind: 'restore-failed', folder: workFolder(effect) } as const;
  await withWorkbench(order, effect, async (bench, within) => {
    // What a killed try left under this name; one that is not ours is refused.
    await createVolume(store, { name: names.staged, description, role: 'staged' }, within);
    await removeVolume(store, names.staged, within);
    await createVolume(store, { name: names.staged, description, role: 'staged' }, within);
    try {
      await fill(bench, { volume: names.staged, folder, recorded }, within);
      const facts = await volumeFacts(store, names.staged, 'restore-failed', within);
      // Also tells before anything is exchanged whether the image has what an exchange needs.
      await runScript(bench, 'flush', { names, mountpoint: facts?.mountpoint ?? '' }, within);
    } catch (error) {
      await removeVolume(store, names.staged, { ...within, signal: new AbortController().signal });
      throw isProblem(error) && error.kind === 'backup-invalid' ? notAsCaptured(error) : error;
    }
  });
  await gap('stores.volume.staged');
  await writeNote(names.note, { format: 1, state: 'staged', hadLive: true, description, bytes: 0 });
  return { place: names.place };
}

function notAsCaptured(cause: Error): Error {
  return problem('restore-failed', `the volume was not restored as it was captured: ${cause.message}`, {
    where: 'docker volume',
    next: 'Look at the disk of the docker daemon and restore again, or use another backup.',
    cause,
  });
}

/** Names that no earlier restore of the same backup still uses: the data that one replaced must not be mistaken for ours. */
async function freeNames(store: VolumeStore, tag: string, effect: Effect): Promise<RestoreNames> {
  // 100: each one is a whole copy of the data; somebody has to discard some before.
  for (let count = 1; count <= 100; count += 1) {
    const names = namesForTag(anchorOf(store, effect), count === 1 ? tag : `${tag}-${count}`);
    const note = await readNote(names.note);
    if (note?.state === 'staged') return names;
    if (note === null && (await volumeFacts(store, names.kept, 'restore-failed', effect)) === null) return names;
  }
  throw problem('restore-failed', `100 replaced volumes lie beside ${store.settings.name}`, {
    where: `docker volume ${store.settings.name}`,
    next: 'Discard those that are not needed any more.',
  });
}
