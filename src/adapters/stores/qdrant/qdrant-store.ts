import { join } from 'node:path';
import type { JsonObject } from '../../../core/release/json.ts';
import { problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, removeTree, syncDirectory } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import { scratchFolder, type StoreScope } from '../scratch/scratch-folder.ts';
import type { Capture, ProvenCopy, Store } from '../store.ts';
import { recordOfSwap } from '../swap/swap-journal.ts';
import { connectTo, type QdrantKind, type QdrantServer } from './client.ts';
import { countPoints } from './content.ts';
import {
  checkFiles,
  countersOf,
  fingerprintOf,
  requireSame,
  writeDescription,
  type Description,
} from './description.ts';
import {
  chosenCollections,
  listCollections,
  readAliases,
  readCollection,
  readVersion,
  isScratch,
  type Aliases,
} from './look.ts';
import { qdrantMaintenance } from './maintain-collections.ts';
import { tryRestores } from './recover.ts';
import { anchorOf, folderOf, replacedBeside } from './restore-note.ts';
import type { QdrantSettings } from './settings.ts';
import { removeLeftovers, takeSnapshot } from './snapshots.ts';
import { stageCollections, unstageCollections } from './stage-collections.ts';
import { discardCollections, swapAliases, swapAliasesBack } from './swap-aliases.ts';

/** A store over collections of one Qdrant server, which are used through aliases: that is how a restored collection takes their place. */
export function openQdrantStore(settings: QdrantSettings, scope: Pick<StoreScope, 'scratch'> = {}): Store {
  const swept = async (kind: QdrantKind, effect: Effect): Promise<void> => {
    const server = connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind }, effect);
    await removeLeftovers({ server, folder: folderOf(settings, effect) }, effect);
  };
  return {
    kind: 'qdrant',
    maintenance: qdrantMaintenance(settings),
    probe: async (effect) => {
      const { engine, bytes } = await probe(settings, effect);
      return { engine, bytes };
    },
    capture: (folder, effect) => capture(settings, { folder, scratch: scratchFolder(scope, effect) }, effect),
    verify: async (folder, recorded) => void (await checkFiles(folder, recorded)),
    extract: (folder, recorded, into) => extract(folder, recorded, into),
    prove: (folder, recorded, scratch, effect) => prove(settings, { folder, recorded, scratch }, effect),
    stage: async (folder, recorded, tag, effect) => {
      await swept('restore-failed', effect);
      return stageCollections(settings, { folder, recorded, tag }, effect);
    },
    unstage: (staged, effect) => unstageCollections(settings, staged, effect),
    swap: (staged, effect) => swapAliases(settings, staged, effect),
    swapBack: (record, effect) => swapAliasesBack(settings, record, effect),
    recordOf: recordOfSwap,
    discard: (record, effect) => discardCollections(settings, record, effect),
    replaced: (effect) => replacedBeside(anchorOf(settings, effect)),
    changesSince: (recorded, effect) => countChanges(settings, recorded, effect),
  };
}

interface Probed {
  engine: string;
  /** Of the vectors, by their number and size: the server does not tell what is on its disk. */
  bytes: number;
  server: QdrantServer;
  collections: string[];
  aliases: Aliases;
}

async function probe(settings: QdrantSettings, effect: Effect): Promise<Probed> {
  effect.signal.throwIfAborted();
  const kind = 'backup-failed';
  const server = connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind }, effect);
  const engine = await readVersion(server, kind);
  const aliases = await readAliases(server);
  const collections = await chosenCollections(server, { settings, aliases, kind });
  let bytes = 0;
  for (const name of collections) {
    const facts = await readCollection(server, name);
    if (facts?.status === 'red') throw damaged(server, name);
    bytes += facts?.bytes ?? 0;
  }
  return { engine, bytes, server, collections, aliases };
}

function damaged(server: QdrantServer, name: string): Error {
  return problem('backup-failed', `the collection ${name} is red: an operation of the server failed in it`, {
    where: server.shown,
    next: 'Look into the log of the server; a snapshot of it would hold the damage.',
  });
}

async function capture(
  settings: QdrantSettings,
  { folder, scratch }: { folder: string; scratch: string },
  effect: Effect,
): Promise<Capture> {
  const { engine, bytes, server, collections, aliases } = await probe(settings, effect);
  requireRoom(folder, bytes, 'the collections');
  const notes = { server, folder: folderOf(settings, effect) };
  await removeLeftovers(notes, effect);
  const startedMs = effect.clock.nowMs();
  try {
    const copied = [];
    for (const [index, name] of collections.entries()) {
      copied.push(await takeSnapshot(notes, name, { folder, file: `${index}.snapshot` }, effect));
    }
    const trial = { settings, kind: 'backup-failed', scratch } as const;
    const found = await tryRestores(
      trial,
      copied.map((one) => ({ folder, copied: one })),
      effect,
    );
    const description: Description = {
      format: 1,
      collections: copied.map((one, index) => ({ ...one, ...requireFound(found[index]) })),
      aliases: [...aliases]
        .filter(([, collection]) => collections.includes(collection))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([alias, collection]) => ({ alias, collection })),
    };
    await writeDescription(folder, description);
    await syncDirectory(folder);
    await gap('stores.qdrant.copied');
    return {
      engine,
      consistentAt: timestamp(startedMs),
      liveBytes: copied.reduce((sum, one) => sum + one.bytes, 0),
      counters: countersOf(description),
      fingerprint: fingerprintOf(description),
    };
  } catch (error) {
    for (const index of collections.keys()) await removeTree(join(folder, `${index}.snapshot`));
    effect.signal.throwIfAborted();
    throw error;
  }
}

function requireFound<Found>(found: Found | undefined): Found {
  if (found === undefined) throw new Error('a snapshot was not tried');
  return found;
}

async function extract(folder: string, recorded: Capture, into: string): Promise<void> {
  const { collections } = await checkFiles(folder, recorded);
  requireRoom(
    into,
    collections.reduce((sum, { bytes }) => sum + bytes, 0),
    'the snapshots',
  );
  for (const name of [...collections.map(({ file }) => file), 'qdrant.json']) {
    await copyFileSynced(join(folder, name), join(into, name));
  }
  await checkFiles(into, recorded);
}

interface ProofRequest {
  folder: string;
  recorded: Capture;
  scratch: string;
}

async function prove(
  settings: QdrantSettings,
  { folder, recorded, scratch }: ProofRequest,
  effect: Effect,
): Promise<ProvenCopy> {
  const { collections } = await checkFiles(folder, recorded);
  const trial = { settings, kind: 'check-failed', scratch } as const;
  const found = await tryRestores(
    trial,
    collections.map((copied) => ({ folder, copied })),
    effect,
  );
  for (const [index, copied] of collections.entries()) requireSame(copied, requireFound(found[index]), folder);
  const points = collections.reduce((sum, copied) => sum + copied.points, 0);
  return {
    checked: [
      `${collections.length} collections restored by a server and read to their end: ${points} points with payload and vectors as captured`,
    ],
    notChecked: [],
  };
}

/** Points of every collection then and now, counted exactly. Whether their content differs would need all of it to be read. */
async function countChanges(settings: QdrantSettings, recorded: Capture, effect: Effect): Promise<JsonObject> {
  const server = connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind: 'backup-failed' }, effect);
  const aliases = await readAliases(server);
  const present = (await listCollections(server)).filter((name) => !isScratch(name));
  const now =
    settings.collections?.map((name) => aliases.get(name) ?? name).filter((name) => present.includes(name)) ?? present;
  if (now.length === 0) return { missing: true };
  const points: JsonObject = {};
  for (const name of new Set([...Object.keys(recorded.counters), ...now])) {
    const captured = recorded.counters[name] ?? null;
    const count = now.includes(name) ? await countPoints(server, name) : null;
    if (captured !== count) points[name] = { captured, now: count };
  }
  return { points, contentDiffers: null };
}
