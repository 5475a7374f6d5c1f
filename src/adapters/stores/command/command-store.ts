import { basename, join, resolve } from 'node:path';
import type { JsonObject } from '../../../core/release/json.ts';
import { isProblem, problem, type Problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, removeTree, treeBytes } from '../../../platform/files.ts';
import { applyFacts, factsOf, realPathOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import { scratchFolder, type StoreScope } from '../scratch/scratch-folder.ts';
import type { Capture, ProvenCopy, Staged, Store } from '../store.ts';
import { findReplaced } from '../swap/find-replaced.ts';
import { prestagingOfPaths } from '../swap/staged-ahead.ts';
import { discardReplaced, discardStaged, freeTag, noteStaged, swapIn, swapOut } from '../swap/swap-data.ts';
import { recordOfSwap, swapNames } from '../swap/swap-journal.ts';
import { checkFiles, DATA, requireEnd, sealFiles, syncTree, type CopiedFile } from './copied-files.ts';
import { countersOf, fingerprintAt, proveCopy, requireSame, restoreTo } from './prove-copy.ts';
import { runStoreCommand } from './run-store-command.ts';
import type { CommandStoreSettings } from './settings.ts';
import {
  anchorOf,
  discardByCommand,
  noteRestored,
  placeOfRestore,
  swapBackByCommand,
  swapByCommand,
  unstageByCommand,
  type SwapCommands,
} from './swap-by-command.ts';

const FOLDER_MODE = 0o755; // of data that is not there any more

interface CommandStore {
  settings: CommandStoreSettings;
  /** The live folder, absolute; null for data that lies elsewhere. */
  live(effect: Effect): Promise<string | null>;
  /** Where a copy is tried. */
  scratch(effect: Effect): string;
}

/**
 * A store by the team's own commands. That a copy is consistent while the service writes is the promise of `backup`; everything that can be
 * seen from outside is not believed but looked at: the exit code, the end of the output, the restored data.
 */
export function openCommandStore(settings: CommandStoreSettings, scope: StoreScope): Store {
  const { exchange } = settings;
  const store: CommandStore = {
    settings,
    live: async (effect) =>
      exchange.by === 'path' ? realPathOf(resolve(scope.projectDirectory, effect.resolve(exchange.path))) : null,
    scratch: (effect) => scratchFolder(scope, effect),
  };
  const reading = {
    kind: 'command',
    probe: (effect: Effect) => probe(store, effect),
    capture: (folder: string, effect: Effect) => capture(store, folder, effect),
    verify: async (folder: string, recorded: Capture, effect: Effect) => {
      await checkRestored(settings, { folder, recorded, scratch: scratchFolder(scope, effect) }, effect);
    },
    prove: async (folder: string, recorded: Capture, scratch: string, effect: Effect) => {
      await checkRestored(settings, { folder, recorded, scratch }, effect);
      return provenBy(settings);
    },
    extract: async (folder: string, recorded: Capture, into: string, effect: Effect) => {
      const files = await checkFiles(folder);
      const place = { into, tag: `extract_${basename(into).replace(/\W/g, '_')}` };
      const found = await restoreTo(folder, files, { settings, place, failure: 'restore-failed' }, effect);
      requireSame(found, files, recorded, folder);
    },
    changesSince: (recorded: Capture, effect: Effect) => countChanges(store, recorded, effect),
  };
  const placed = exchange.by === 'path' ? { placeIn: (into: string) => Promise.resolve(into) } : {};
  return { ...reading, ...exchangeOf(store), ...placed };
}

/** Restored to a scratch place, checked there by the store's own command, and compared with the capture. */
async function checkRestored(
  settings: CommandStoreSettings,
  { folder, recorded, scratch }: { folder: string; recorded: Capture; scratch: string },
  effect: Effect,
): Promise<void> {
  const files = await checkFiles(folder);
  const found = await proveCopy(folder, files, { settings, failure: 'backup-invalid', scratch }, effect);
  requireSame(found, files, recorded, folder);
}

/** Without a fingerprint command only the files of the copy are compared: what `check` lets pass, nobody sees. */
function provenBy({ fingerprint }: CommandStoreSettings): ProvenCopy {
  const checked = ['restored by the `restore` command and passed by the `check` command'];
  if (fingerprint !== null) return { checked: [...checked, 'its `fingerprint` as captured'], notChecked: [] };
  const notChecked = ['whether the restored content is the captured one: the store declares no `fingerprint` command'];
  return { checked, notChecked };
}

type ExchangeMethods = Pick<
  Store,
  'stage' | 'unstage' | 'swap' | 'recordOf' | 'swapBack' | 'discard' | 'replaced' | 'prestaging'
>;

function exchangeOf(store: CommandStore): ExchangeMethods {
  const { exchange } = store.settings;
  switch (exchange.by) {
    case 'path': {
      const settle = (): Promise<void> => Promise.resolve(); // the service is stopped, and the commands finish what they write
      return {
        stage: (folder, recorded, tag, effect) => stageBeside(store, { folder, recorded, tag }, effect),
        unstage: (staged) => discardStaged(staged, []),
        swap: (staged) => swapIn(staged, settle),
        recordOf: recordOfSwap,
        swapBack: (record) => swapOut(record, settle),
        discard: (record) => discardReplaced(record),
        replaced: async (effect) => findReplaced([(await store.live(effect)) ?? '']),
        prestaging: prestagingOfPaths(async (effect) => [(await store.live(effect)) ?? ''], []),
      };
    }
    case 'commands': {
      const commands: SwapCommands = { settings: store.settings, commands: exchange };
      return {
        stage: (folder, recorded, tag, effect) => stageElsewhere(commands, { folder, recorded, tag }, effect),
        unstage: (staged, effect) => unstageByCommand(commands, staged, effect),
        swap: (staged, effect) => swapByCommand(commands, staged, effect),
        swapBack: (record, effect) => swapBackByCommand(commands, record, effect),
        discard: async ({ keptAt }, effect) => {
          if (keptAt !== null) await discardByCommand(commands, keptAt, effect);
        },
        recordOf: recordOfSwap,
        replaced: (effect) => findReplaced([anchorOf(commands.settings, effect)]),
      };
    }
    case 'nothing': {
      const refuse = (): Promise<never> => Promise.reject(cannotSwap());
      const nothing: Pick<Store, 'recordOf' | 'replaced'> = {
        recordOf: () => ({ keptAt: null }),
        replaced: () => Promise.resolve([]),
      };
      return { ...nothing, stage: refuse, unstage: refuse, swap: refuse, swapBack: refuse, discard: refuse };
    }
  }
}

function cannotSwap(): Problem {
  return problem('restore-failed', 'this store has no way to put restored data in place', {
    where: 'stores.*.command',
    next: 'Declare `path`, or `swap`, `swap-back` and `discard`; or restore into a folder: shipway backup restore ID --into FOLDER.',
  });
}

async function probe(store: CommandStore, effect: Effect): Promise<{ engine: string; bytes: number }> {
  const { settings } = store;
  const engine = `command ${basename(settings.backup[0] ?? '')}`;
  const live = await store.live(effect);
  if (live !== null && (await factsOf(live))?.type !== 'directory') {
    throw problem('backup-failed', `there is no folder ${live}`, {
      where: 'command.path',
      next: 'Correct `path` of the store; it names a folder and is relative to the project.',
    });
  }
  return { engine, bytes: await sizeOf(settings, live, effect) };
}

async function sizeOf(settings: CommandStoreSettings, live: string | null, effect: Effect): Promise<number> {
  if (settings.size === null) return live === null ? 0 : treeBytes(live);
  const command = { name: 'size' as const, argv: settings.size, bindings: {} };
  const line = await runStoreCommand(command, settings, 'backup-failed', effect);
  if (/^\d{1,15}$/.test(line)) return Number(line);
  throw problem('backup-failed', `size printed "${line.slice(0, 200)}" as its last line`, {
    where: 'command.size',
    next: 'Let it print the bytes of the live data as a number.',
  });
}

async function capture(store: CommandStore, folder: string, effect: Effect): Promise<Capture> {
  effect.signal.throwIfAborted();
  const { settings } = store;
  const { engine, bytes } = await probe(store, effect);
  requireRoom(folder, bytes, 'the data of the store');
  const data = join(folder, DATA);
  await removeTree(data);
  await ensureDirectory(data);
  const consistentAt = timestamp(effect.clock.nowMs());
  const command = { name: 'backup' as const, argv: settings.backup, bindings: { BACKUP_DIR: data } };
  await runStoreCommand(command, settings, 'backup-failed', effect);
  await gap('stores.command.copied');
  const files = await sealFiles(folder);
  requireContent(files, settings);
  if (settings.endsWith !== null) await requireEnd(folder, settings.endsWith);
  const trial = { settings, failure: 'backup-failed' as const, scratch: store.scratch(effect) };
  const fingerprint = await proveCopy(folder, files, trial, effect);
  return { engine, consistentAt, liveBytes: bytes, counters: countersOf(files), fingerprint };
}

function requireContent(files: readonly CopiedFile[], settings: CommandStoreSettings): void {
  const { bytes } = countersOf(files);
  if (bytes > 0 && bytes >= settings.atLeastBytes) return;
  const found = files.length === 0 ? 'wrote no file' : `wrote ${bytes} bytes`;
  throw problem(
    'backup-failed',
    `backup ended with success and ${found}, at least ${settings.atLeastBytes} are expected`,
    {
      where: 'command.backup',
      next: 'Let it write into the folder $BACKUP_DIR, and end with another code than 0 when a part of it fails (set -o pipefail).',
    },
  );
}

interface StageRequest {
  folder: string;
  recorded: Capture;
  tag: string;
}

/** Into a new folder beside the live one, with its owner and rights. */
async function stageBeside(
  store: CommandStore,
  { folder, recorded, tag }: StageRequest,
  effect: Effect,
): Promise<Staged> {
  const { settings } = store;
  const live = await store.live(effect);
  if (live === null) throw cannotSwap();
  const files = await checkFiles(folder);
  const free = await freeTag(live, tag);
  const names = swapNames(live, free);
  await discardStaged({ place: names.place }, []);
  requireRoom(join(live, '..'), recorded.liveBytes, 'the restored data');
  await ensureDirectory(names.place);
  try {
    const place = { into: names.place, tag: free };
    const found = await restoreTo(folder, files, { settings, place, failure: 'restore-failed' }, effect);
    requireSame(found, files, recorded, folder);
    const owner = await factsOf(live);
    if (owner !== null) await applyFacts(names.place, { ...owner, type: 'directory' });
    else await applyFacts(names.place, { ...(await ownFacts(names.place)), mode: FOLDER_MODE });
    await syncTree(names.place);
  } catch (error) {
    await removeTree(names.place);
    throw error;
  }
  await gap('stores.command.staged');
  await noteStaged(names.journal, [{ live, staged: names.place, kept: names.keptAt }], []);
  return { place: names.place };
}

async function ownFacts(place: string): Promise<Parameters<typeof applyFacts>[1]> {
  const facts = await factsOf(place);
  if (facts === null) throw new Error(`${place} vanished while it was restored`);
  return facts;
}

/** To a new place that the commands know by its tag. */
async function stageElsewhere(store: SwapCommands, request: StageRequest, effect: Effect): Promise<Staged> {
  const { settings, commands } = store;
  const { folder, recorded } = request;
  const files = await checkFiles(folder);
  const place = await placeOfRestore(settings, request.tag, effect);
  const discard = { name: 'discard' as const, argv: commands.discard, bindings: { INTO: place.into, TAG: place.tag } };
  await runStoreCommand(discard, settings, 'restore-failed', effect); // what a killed try left under this name
  await ensureDirectory(place.into);
  try {
    const found = await restoreTo(folder, files, { settings, place, failure: 'restore-failed' }, effect);
    requireSame(found, files, recorded, folder);
  } catch (error) {
    if (!effect.signal.aborted) await runStoreCommand(discard, settings, 'restore-failed', effect);
    await removeTree(place.into);
    throw error;
  }
  await gap('stores.command.staged');
  await noteRestored(place.journal);
  return { place: place.into };
}

/** Size then and now; and whether the content differs, where a folder and a fingerprint command allow to see that. */
async function countChanges(store: CommandStore, recorded: Capture, effect: Effect): Promise<JsonObject> {
  const { settings } = store;
  const live = await store.live(effect);
  if (live !== null && (await factsOf(live)) === null) return { missing: true };
  const now = await sizeOf(settings, live, effect);
  const size = now === recorded.liveBytes ? {} : { bytes: { captured: recorded.liveBytes, now } };
  if (live === null || settings.fingerprint === null) return { ...size, contentDiffers: null };
  try {
    const found = await fingerprintAt({ into: live, tag: 'live' }, [], settings, effect);
    return { ...size, contentDiffers: found !== recorded.fingerprint };
  } catch (error) {
    if (isProblem(error) && error.kind === 'backup-invalid') return { ...size, contentDiffers: null };
    throw error;
  }
}
