import { join } from 'node:path';
import type { JsonObject } from '../../../core/release/json.ts';
import { problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, removeTree, syncDirectory, syncFile, writeAtomically } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, ProvenCopy, Store } from '../store.ts';
import { recordOfSwap } from '../swap/swap-journal.ts';
import { ARCHIVE, checkCopy, DESCRIPTION, readArchive } from './check-copy.ts';
import { containersOf, imageFor, isUp, volumeFacts, type VolumeFacts } from './containers.ts';
import { docker, type VolumeStore } from './docker.ts';
import { copyOut, listVolume, runScript, withWorkbench, workFolder, type Workbench } from './workbench.ts';
import { whileStill, type Stillness } from './hold-still.ts';
import { volumeMaintenance } from './maintain-volume.ts';
import { anchorOf, isHalf, namesForTag, notesBeside, replacedBeside } from './restore-note.ts';
import { proveVolume, stageVolume } from './restore-volume.ts';
import type { VolumeSettings } from './settings.ts';
import { discardStagedVolume, discardVolumes, swapVolume, swapVolumeBack } from './swap-volumes.ts';
import { countersOf, fingerprintOf, momentOf } from './volume-entries.ts';
import type { Description } from './volumes.ts';

/** A store over one docker volume. What is in it is reached through docker alone, so that neither its files nor root are needed here. */
export function openVolumeStore(settings: VolumeSettings, scope: { projectDirectory: string }): Store {
  const store: VolumeStore = { settings, projectDirectory: scope.projectDirectory };
  return {
    kind: 'volume',
    maintenance: volumeMaintenance(store),
    probe: async (effect) => {
      const { engine, bytes } = await probe(store, effect);
      return { engine, bytes };
    },
    capture: (folder, effect) => capture(store, folder, effect),
    verify: async (folder, recorded) => void (await checkCopy(folder, recorded)),
    extract: async (folder, recorded, into) => {
      requireRoom(into, (await factsOf(join(folder, ARCHIVE)))?.bytes ?? 0, 'the volume');
      for (const name of [ARCHIVE, DESCRIPTION]) await copyFileSynced(join(folder, name), join(into, name));
      await checkCopy(into, recorded);
    },
    prove: (folder, recorded, scratch, effect): Promise<ProvenCopy> =>
      proveVolume(store, { folder, recorded, scratch }, effect),
    stage: (folder, recorded, tag, effect) => stageVolume(store, { folder, recorded, tag }, effect),
    unstage: (staged, effect) => discardStagedVolume(store, staged, effect),
    swap: (staged, effect) => swapVolume(store, staged, effect),
    swapBack: (record, effect) => swapVolumeBack(store, record, effect),
    recordOf: recordOfSwap,
    discard: (record, effect) => discardVolumes(store, record, effect),
    replaced: (effect) => replacedBeside(anchorOf(store, effect)),
    changesSince: (recorded, effect) => countChanges(store, recorded, effect),
  };
}

interface Probed {
  engine: string;
  bytes: number;
  image: string;
  facts: VolumeFacts;
}

async function probe(store: VolumeStore, effect: Effect): Promise<Probed> {
  const { name } = store.settings;
  effect.signal.throwIfAborted();
  const kind = 'backup-failed';
  const failing = 'docker does not answer';
  const engine = await docker(store, { words: ['version', '--format', '{{.Server.Version}}'], failing, kind }, effect);
  const facts = await volumeFacts(store, name, kind, effect);
  if (facts === null) {
    throw problem(kind, `there is no volume ${name}`, {
      where: `docker volume ${name}`,
      next: 'Correct its name: docker volume ls shows them; compose puts the name of the project before it.',
    });
  }
  for (const { tag, note } of await notesBeside(anchorOf(store, effect))) {
    if (!isHalf(note)) continue;
    throw problem(kind, `a restore of the volume ${name} was interrupted half way (${tag})`, {
      where: `docker volume ${name}`,
      next: 'Finish the restore or undo it first.',
    });
  }
  const image = await imageFor(store, kind, effect);
  const bytes = await measure(store, { image, facts }, effect);
  return { engine: `docker ${engine.trim()}`, bytes, image, facts };
}

async function measure(
  store: VolumeStore,
  { image, facts }: { image: string; facts: VolumeFacts },
  effect: Effect,
): Promise<number> {
  if (facts.driver !== 'local') return 0; // what another driver holds is not a folder here
  const names = namesForTag(anchorOf(store, effect), 'none');
  const order = { store, image, kind: 'backup-failed', folder: workFolder(effect) } as const;
  const place = { names, mountpoint: facts.mountpoint };
  return withWorkbench(
    order,
    effect,
    async (bench, within) => (await runScript(bench, 'look', place, within)).liveBytes,
  );
}

async function capture(store: VolumeStore, folder: string, effect: Effect): Promise<Capture> {
  const { engine, bytes, image, facts } = await probe(store, effect);
  requireRoom(folder, bytes, `the volume ${store.settings.name}`);
  const order = { store, image, kind: 'backup-failed', folder: workFolder(effect) } as const;
  try {
    const startedMs = await whileStill(store, effect, (stillness) =>
      withWorkbench(order, effect, (bench, within) => copyStill(bench, folder, stillness, within)),
    );
    const description: Description = { format: 1, driver: facts.driver, labels: facts.labels };
    await writeAtomically(join(folder, DESCRIPTION), `${JSON.stringify(description)}\n`);
    await syncFile(join(folder, ARCHIVE));
    await syncDirectory(folder);
    await gap('stores.volume.copied');
    const entries = await readArchive(folder, 'backup-failed');
    return {
      engine,
      consistentAt: timestamp(startedMs),
      liveBytes: bytes,
      counters: countersOf(entries),
      fingerprint: fingerprintOf(entries),
    };
  } catch (error) {
    for (const name of [ARCHIVE, DESCRIPTION]) await removeTree(join(folder, name));
    effect.signal.throwIfAborted();
    throw error;
  }
}

/** Copies while nobody writes, and looks that nobody did; returns when it began. */
async function copyStill(bench: Workbench, folder: string, stillness: Stillness, effect: Effect): Promise<number> {
  const { store } = bench;
  const { name } = store.settings;
  const archive = join(folder, ARCHIVE);
  await removeTree(archive);
  const startedMs = effect.clock.nowMs();
  await copyOut(bench, name, archive, effect);
  const up = (await containersOf(store, bench.kind, effect)).filter((user) => isUp(user) && user.writes);
  const isStarted = stillness !== 'unwatched' && up.some(({ state }) => state !== 'paused');
  if (isStarted || stillness === 'unwatched') {
    const then = await readArchive(folder, 'backup-failed');
    const now = await listVolume(bench, name, effect);
    if (isStarted || momentOf(then) !== momentOf(now)) throw written(store, isStarted);
  }
  return startedMs;
}

function written(store: VolumeStore, isStarted: boolean): Error {
  const how = isStarted ? 'a container was started with it' : 'it was written';
  return problem('backup-failed', `the volume ${store.settings.name} was not still while it was copied: ${how}`, {
    where: `docker volume ${store.settings.name}`,
    next: 'Write "stop" and "start", or "pause: containers", in the release file.',
    retry: true,
  });
}

/** Counts of the capture and of now by kind, and whether anything differs. The volume is read once, whoever writes meanwhile. */
async function countChanges(store: VolumeStore, recorded: Capture, effect: Effect): Promise<JsonObject> {
  if ((await volumeFacts(store, store.settings.name, 'backup-failed', effect)) === null) return { missing: true };
  const image = await imageFor(store, 'backup-failed', effect);
  const order = { store, image, kind: 'backup-failed', folder: workFolder(effect) } as const;
  const entries = await withWorkbench(order, effect, (bench, within) => listVolume(bench, store.settings.name, within));
  const counts = Object.entries(countersOf(entries)).filter(([name, now]) => recorded.counters[name] !== now);
  const changed = counts.map(([name, now]) => [name, { captured: recorded.counters[name] ?? null, now }]);
  const differs = fingerprintOf(entries) !== recorded.fingerprint;
  return { ...(Object.fromEntries(changed) as JsonObject), contentDiffers: differs };
}
