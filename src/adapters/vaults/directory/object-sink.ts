import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { SealedObject } from '../../../core/backup/manifest.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { removeTree, syncDirectory, writeAtomically } from '../../../platform/files.ts';
import { factsOf, hardLink, makeDirectory, openNew } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { randomId } from '../../../platform/ids.ts';
import { newObjectKey, sealObject } from '../seal/seal-object.ts';
import type { VaultObjects } from '../vault.ts';
import { OBJECT_KEYS, OBJECTS, readStored } from './object-files.ts';
import { readMemory, writeMemory, type ObjectScope } from './object-memory.ts';
import type { VaultPlace } from './vault-place.ts';
import { findOrigin, type Origin } from './origin.ts';
import { namesOfSharers } from './sharers.ts';

/** What a space holds, as the contract of sinks says. */
const OBJECT_BYTES = 4 * 1024 * 1024;

/** Objects that are packed at once: one for each core of a small machine, and one more that waits for the disk. */
const WRITTEN_AT_ONCE = 3;

/** Two that pieces gather in, and those being written. */
const SPACES = WRITTEN_AT_ONCE + 2;

/** Each backup looks at one in so many of the objects that it takes over, so that every one is looked at in a week of daily backups. */
const LOOK_EVERY = 7;

/** 80 bits: a name is never met again. */
const NAME_BYTES = 10;

export interface SinkOrder {
  backup: string;
  /** The folder that the backup is written in. */
  partial: string;
  scope: ObjectScope;
  /** Objects are written anew when the last time was so long ago. */
  fullSeconds: number;
  effect: Effect;
}

interface Sink extends SinkOrder {
  place: VaultPlace;
  origin: Origin | null;
  /** By name; of this backup. */
  objects: Map<string, SealedObject>;
  keys: Map<string, string | null>;
  running: Set<Promise<void>>;
  /** Buffers to read into that nobody uses, and how many there are in all. */
  free: Buffer[];
  spaces: number;
  failure: { error: unknown } | null;
  note: string;
  /** Said once. */
  isToldOfDisk: boolean;
}

/** Makes the place for the objects of a store in a backup that is being written. */
export async function openObjectSink(place: VaultPlace, order: SinkOrder): Promise<VaultObjects> {
  const { scope, fullSeconds, effect, partial } = order;
  const memory = await readMemory(place.keys, scope);
  const origin = await findOrigin(place, scope, memory, { nowMs: effect.clock.nowMs(), fullSeconds });
  await makeDirectory(join(partial, scope.store, OBJECTS));
  const sink: Sink = {
    ...order,
    place,
    origin,
    objects: new Map(),
    keys: new Map(),
    running: new Set(),
    free: [],
    spaces: 0,
    failure: null,
    note: '',
    isToldOfDisk: false,
  };
  return {
    note: origin?.memory.note ?? null,
    bytesOf: (name) => origin?.objects.get(pathOf(sink, name))?.bytes ?? null,
    take: (name) => take(sink, name),
    space: () => space(sink),
    write: (one, bytes) => write(sink, one, bytes),
    keep: (names, note) => keep(sink, names, note),
    settled: async () => void (await Promise.all(sink.running)),
    sealed: () => [...sink.objects.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    remember: () => remember(sink),
  };
}

function pathOf({ scope }: Sink, name: string): string {
  return `${scope.store}/${OBJECTS}/${name}`;
}

async function take(sink: Sink, name: string): Promise<boolean> {
  const { origin, partial } = sink;
  const path = pathOf(sink, name);
  const object = origin?.objects.get(path);
  const key = origin?.memory.keys[name];
  if (origin === null || object === undefined || key === undefined) return false;
  if ((await factsOf(join(origin.folder, path)))?.bytes !== object.stored.bytes) return reportDamage(sink, object);
  if (isLookedAt(name, origin.memory.turn) && (await isChanged(origin, object))) return reportDamage(sink, object);
  if (!(await isLinked(sink, join(origin.folder, path), join(partial, path)))) return false;
  sink.objects.set(name, { ...object, stored: { ...object.stored, from: object.stored.from ?? origin.id } });
  sink.keys.set(name, key);
  return true;
}

function isLookedAt(name: string, turn: number): boolean {
  const [first = 0] = createHash('sha256').update(name).digest();
  return first % LOOK_EVERY === turn % LOOK_EVERY;
}

async function isChanged({ folder }: Origin, { path, stored }: SealedObject): Promise<boolean> {
  const found = await readStored(join(folder, path), stored.bytes);
  return found === null || createHash('sha256').update(found).digest('hex') !== stored.sha256;
}

async function reportDamage({ place, effect }: Sink, { path, stored }: SealedObject): Promise<false> {
  const backups = await namesOfSharers(place, { path, sha256: stored.sha256 });
  effect.report(`object ${path} is damaged in ${backups.join(', ')}: its data is written anew; verify these backups`);
  return false;
}

/** Another disk, or a file with as many names as the disk allows, is no fault: there the object is written once more. */
async function isLinked(sink: Sink, from: string, to: string): Promise<boolean> {
  try {
    await hardLink(from, to);
    await gap('vaults.object-linked');
    return true;
  } catch (error) {
    const code = errorCode(error instanceof Error && error.cause !== undefined ? error.cause : error);
    if (!['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'ENOENT'].includes(code)) throw error;
    if (!sink.isToldOfDisk) sink.effect.report(`backups cannot share objects here (${code}): they are written anew`);
    sink.isToldOfDisk = true;
    return false;
  }
}

/** Waits for a buffer that nobody uses; the first few are made. */
async function space(sink: Sink): Promise<Buffer> {
  for (;;) {
    if (sink.failure !== null) throw sink.failure.error;
    sink.effect.signal.throwIfAborted();
    const free = sink.free.pop();
    if (free !== undefined) return free;
    if (sink.spaces < SPACES) {
      sink.spaces += 1;
      return Buffer.allocUnsafeSlow(OBJECT_BYTES);
    }
    await Promise.race(sink.running);
  }
}

async function write(sink: Sink, content: Buffer, bytes: number): Promise<string> {
  while (sink.running.size >= WRITTEN_AT_ONCE) await Promise.race(sink.running);
  const name = randomId(NAME_BYTES);
  const work = writeObject(sink, name, content.subarray(0, bytes))
    .catch((error: unknown) => void (sink.failure ??= { error }))
    .finally(() => {
      sink.free.push(content);
      sink.running.delete(work);
    });
  sink.running.add(work);
  return name;
}

async function writeObject(sink: Sink, name: string, raw: Buffer): Promise<void> {
  const path = pathOf(sink, name);
  const key = sink.place.keys.recipients.length === 0 ? null : newObjectKey();
  const { object, stored } = await sealObject(path, raw, key);
  const file = await openNew(join(sink.partial, path));
  try {
    let position = 0;
    for (const chunk of stored) {
      await file.write(chunk, position);
      position += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await gap('vaults.object-written');
  sink.objects.set(name, object);
  sink.keys.set(name, key?.toString('hex') ?? null);
}

async function keep(sink: Sink, names: ReadonlySet<string>, note: string): Promise<void> {
  const { partial, scope, objects, keys } = sink;
  await Promise.all(sink.running);
  if (sink.failure !== null) throw sink.failure.error;
  for (const name of [...objects.keys()].filter((one) => !names.has(one))) {
    await removeTree(join(partial, pathOf(sink, name)));
    objects.delete(name);
    keys.delete(name);
  }
  const lines = [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, key]) => JSON.stringify({ key, name }));
  await writeAtomically(join(partial, scope.store, OBJECT_KEYS), lines.map((line) => `${line}\n`).join(''));
  await syncDirectory(join(partial, scope.store, OBJECTS));
  sink.note = note;
}

/** Called when the backup is sealed. Failing costs a full backup next time, not this one. */
async function remember(sink: Sink): Promise<void> {
  const { place, scope, backup, origin, keys, note, effect } = sink;
  const fullAtMs = origin?.memory.fullAtMs ?? effect.clock.nowMs();
  const turn = origin === null ? 0 : origin.memory.turn + 1;
  try {
    await writeMemory(place.keys, scope, { backup, fullAtMs, turn, keys: Object.fromEntries(keys), note });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    effect.report(`${scope.store}: the next backup will read and write everything: ${why}`);
  }
}
