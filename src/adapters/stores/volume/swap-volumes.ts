import { assertNever } from '../../../core/release/assert-never.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { removeTree } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { Staged, SwapRecord } from '../store.ts';
import { imageFor, volumeFacts } from './containers.ts';
import type { VolumeStore } from './docker.ts';
import { runScript, withWorkbench, workFolder, type Layout, type SCRIPTS, type Workbench } from './workbench.ts';
import { whileStopped } from './hold-still.ts';
import { readNote, isHalf, namesOfRestore, writeNote, type RestoreNames, type RestoreNote } from './restore-note.ts';
import { createVolume, removeVolume } from './volumes.ts';

/** One exchange, and what it is made with. */
interface Exchange {
  bench: Workbench;
  names: RestoreNames;
  /** Of the staged volume: all lie in the same folder of docker. */
  mountpoint: string;
}

/** Puts the restored volume's data in place; finishes a swap that was killed. Twice is harmless. */
export async function swapVolume(store: VolumeStore, staged: Staged, effect: Effect): Promise<SwapRecord> {
  const names = namesOfRestore(staged.place);
  const note = await readNote(names.note);
  if (note === null) throw nothingStaged(names);
  if (note.state === 'swapping-back') throw beingUndone(names);
  await whileStopped(store, effect, () =>
    withExchange(store, names, effect, async (exchange, within) => {
      if (note.state === 'staged' || note.state === 'swapped-back') await begin(exchange, note, within);
      if (note.state === 'swapping') await bringIn(exchange, note, within);
    }),
  );
  return { keptAt: names.keptAt };
}

/** Puts the replaced data back; the restored data lies where it was staged afterwards. Undoes a swap that was killed. Twice is harmless. */
export async function swapVolumeBack(store: VolumeStore, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesOfRestore(record.keptAt);
  const note = await readNote(names.note);
  if (note === null) throw nothingStaged(names);
  await whileStopped(store, effect, () =>
    withExchange(store, names, effect, async (exchange, within) => {
      switch (note.state) {
        case 'staged':
        case 'swapped-back':
          return;
        case 'swapping':
          // Finishing first leaves one well-known state to go back from.
          await bringIn(exchange, note, within);
          return bringBack(exchange, note, within);
        case 'swapped':
        case 'finished':
        case 'swapping-back':
          return bringBack(exchange, note, within);
        default:
          return assertNever(note.state);
      }
    }),
  );
}

async function withExchange(
  store: VolumeStore,
  names: RestoreNames,
  effect: Effect,
  use: (exchange: Exchange, effect: Effect) => Promise<void>,
): Promise<void> {
  const facts = await volumeFacts(store, names.staged, 'restore-failed', effect);
  if (facts === null) throw nothingStaged(names);
  const image = await imageFor(store, 'restore-failed', effect);
  const settings = { store, image, kind: 'restore-failed', folder: workFolder(effect) } as const;
  await withWorkbench(settings, effect, (bench, within) => use({ bench, names, mountpoint: facts.mountpoint }, within));
}

const run = (exchange: Exchange, script: keyof typeof SCRIPTS, effect: Effect): Promise<Layout> =>
  runScript(exchange.bench, script, exchange, effect);

/** Makes the volumes that data will be renamed to; until the note says `swapping`, none of them holds any. */
async function begin(exchange: Exchange, note: RestoreNote, effect: Effect): Promise<void> {
  const { names, bench } = exchange;
  const { description } = note;
  const { store } = bench;
  const present = await volumeFacts(store, names.live, 'restore-failed', effect);
  // Noted before it is made: after a kill, an empty volume of ours must not be taken for live data.
  const isOurs = note.state === 'staged' && !note.hadLive;
  if (present === null) await writeNote(names.note, { ...note, state: 'staged', hadLive: false });
  await createVolume(store, { name: names.live, description }, effect);
  await createVolume(store, { name: names.kept, description, role: 'replaced' }, effect);
  const layout = await run(exchange, 'emptyKept', effect);
  if (!layout.staged) throw nothingStaged(names);
  note.hadLive = present !== null && !isOurs;
  if (!note.hadLive) note.hadLive = (await run(exchange, 'emptyLive', effect)).live;
  note.bytes = layout.liveBytes;
  note.state = 'swapping';
  await writeNote(names.note, note);
  await gap('stores.swap.noted');
}

async function bringIn(exchange: Exchange, note: RestoreNote, effect: Effect): Promise<void> {
  const { names } = exchange;
  let layout = await run(exchange, 'look', effect);
  // The restored data comes in last: where it has left its volume, everything is done.
  if (layout.staged) {
    if (layout.live) layout = await run(exchange, note.hadLive && !layout.kept ? 'liveToKept' : 'liveAside', effect);
    await gap('stores.swap.0.aside');
    layout = await run(exchange, 'stagedToLive', effect);
    await gap('stores.swap.0.in');
  }
  if (!layout.live) throw lost(names);
  note.state = 'swapped';
  await writeNote(names.note, note);
  await gap('stores.swap.done');
}

async function bringBack(exchange: Exchange, note: RestoreNote, effect: Effect): Promise<void> {
  const { names, bench } = exchange;
  note.state = 'swapping-back';
  await writeNote(names.note, note);
  await gap('stores.swap-back.noted');
  let layout = await run(exchange, 'look', effect);
  if (layout.live && !layout.staged) layout = await run(exchange, 'liveToStaged', effect);
  await gap('stores.swap-back.0.aside');
  if (note.hadLive && layout.kept) {
    // Made by somebody while nothing was there: the data that belongs here is still in its volume.
    if (layout.live) layout = await run(exchange, 'liveAside', effect);
    layout = await run(exchange, 'keptToLive', effect);
  }
  await gap('stores.swap-back.0.in');
  if (note.hadLive && !layout.live) throw lost(names);
  if (!note.hadLive && !layout.live) await removeVolume(bench.store, names.live, effect);
  note.state = 'swapped-back';
  await writeNote(names.note, note);
  await gap('stores.swap-back.done');
}

/** Deletes the replaced data, or after a swap back the restored data; refuses while a swap is half done. Twice is harmless. */
export async function discardVolumes(store: VolumeStore, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesOfRestore(record.keptAt);
  const note = await readNote(names.note);
  if (note === null) return;
  if (isHalf(note)) {
    throw problem('restore-failed', 'a restore was interrupted half way, nothing is deleted', {
      where: names.note,
      next: 'Finish the restore or undo it first.',
    });
  }
  for (const name of [names.kept, names.staged]) {
    await removeVolume(store, name, effect);
    await gap('stores.discard.removed');
  }
  // Last: as long as it is there, whoever lists what was replaced finds the rest.
  await removeTree(names.note);
}

/** Deletes a staged volume that was never swapped in; one in use stays. */
export async function discardStagedVolume(store: VolumeStore, staged: Staged, effect: Effect): Promise<void> {
  const names = namesOfRestore(staged.place);
  const note = await readNote(names.note);
  if (note !== null && note.state !== 'staged') return;
  await removeTree(names.note); // first: without it, a volume half deleted cannot be swapped in
  for (const name of [names.staged, names.kept]) await removeVolume(store, name, effect);
}

function nothingStaged(names: RestoreNames): Error {
  return problem('restore-failed', 'there is no complete restored volume to put in place', {
    where: `docker volume ${names.staged}`,
    next: 'Stage the backup again.',
  });
}

function beingUndone(names: RestoreNames): Error {
  return problem('restore-failed', 'this restore is being undone', {
    where: names.note,
    next: 'Undo it again to finish.',
  });
}

function lost(names: RestoreNames): Error {
  return problem(
    'restore-failed',
    `neither ${names.live} nor the volumes of its restore hold the data that belongs there`,
    {
      where: `docker volume ${names.live}`,
      next: 'Somebody has removed a volume meanwhile. Restore from a backup.',
    },
  );
}
