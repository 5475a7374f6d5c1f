import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { formatBackupId } from '../../core/backup/backup-id.ts';
import { manifestBytes, objectsOf, type Manifest } from '../../core/backup/manifest.ts';
import { isProblem } from '../../core/release/problem.ts';
import { createEffect } from '../../../test/support/create-effect.ts';
import type { BackupPlace, Sealed, Vault, VaultObjects } from './vault.ts';

const OF = { service: 'notes', environment: 'production' };
const AT = '2026-11-21T00:00:00.000Z';
const FILES = ['small', 'empty', 'large', 'text'];

/** One thing that goes wrong with a sealed backup, by accident or by somebody who can write where it lies. */
export interface Corruption {
  kind: (typeof KINDS)[number];
  /** Where and how, as numbers that every kind reads in its own way. */
  first: number;
  second: number;
  mask: number;
}

const KINDS = [
  'bit',
  'cut',
  'grown',
  'zeroed',
  'shuffled',
  'removed',
  'from-other',
  'swapped-within',
  'extra',
  'forged-hashes',
  'forged-manifest',
  'forged-origin',
  'no-signature',
] as const;

export const corruption: fc.Arbitrary<Corruption> = fc.record({
  kind: fc.constantFrom(...KINDS),
  first: fc.nat(),
  second: fc.nat(),
  mask: fc.integer({ min: 1, max: 255 }),
});

/** Seals a backup with parts of several sorts. */
export async function sealSample(vault: Vault, second: number): Promise<Sealed> {
  const id = formatBackupId({ takenAtMs: Date.parse(AT) + second * 1000, ...OF, reason: 'manual', random: 'aaaaaa' });
  const place = await vault.begin(id);
  const folder = await place.folderOf('data');
  const contents = [randomBytes(100), Buffer.alloc(0), randomBytes(20_000), Buffer.alloc(5000, `line ${second}\n`)];
  FILES.forEach((name, index) => writeFileSync(join(folder, name), contents[index] ?? ''));
  const capture = { engine: 'test 1', consistentAt: AT, liveBytes: 1, counters: {}, fingerprint: 'test' };
  const objects = await writeObjects(place, vault.place);
  const sealed = await vault.seal({
    id,
    ...OF,
    reason: 'manual',
    release: null,
    version: null,
    createdAt: { start: AT, end: AT },
    tool: 'test 1',
    stores: [{ name: 'data', kind: 'files', engine: 'test 1', capture, objects: objects.sealed() }],
  });
  await objects.remember();
  return sealed;
}

/** One object that the backup before wrote, where there is one, and two new ones. */
async function writeObjects(place: BackupPlace, directory: string): Promise<VaultObjects> {
  const sink = await place.objectsOf('data', OF, createEffect(directory));
  const names: string[] = [];
  for (const name of (sink.note ?? '').split('\n').slice(0, 1)) if (await sink.take(name)) names.push(name);
  for (const content of [randomBytes(30_000), Buffer.alloc(9000, 'a word, ')]) {
    const space = await sink.space();
    content.copy(space);
    names.push(await sink.write(space, content.length));
  }
  await sink.keep(new Set(names), names.toReversed().join('\n'));
  return sink;
}

/**
 * Damages a copy of the backup in the place of the backup, looks whether it is caught, and puts the backup back. What was recorded when it was
 * sealed is not used: only what lies in the vault, and our own keys. Returns what is wrong with the check, or null.
 */
export async function missedCorruption(
  vault: Vault,
  samples: { victim: Sealed; other: Sealed },
  damage: Corruption,
): Promise<string | null> {
  const folder = join(vault.place, samples.victim.manifest.id);
  const keep = `${folder}.keep`;
  if (!existsSync(keep)) {
    cpSync(folder, keep, { recursive: true });
    // With files of its own: damage to one that is linked would be damage to the other sample too.
    rmSync(folder, { recursive: true });
    cpSync(keep, folder, { recursive: true });
  }
  const changed = damageFolder(folder, join(vault.place, samples.other.manifest.id), damage, samples.victim.manifest);
  try {
    return changed ? await missed(vault, samples.victim.manifest.id) : null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    cpSync(keep, folder, { recursive: true });
  }
}

/** Both ways to look at all of a backup: each must notice by itself. */
async function missed(vault: Vault, id: string): Promise<string | null> {
  const hashesFirst = await missedBy(vault, id, (sealed) => vault.verifyParts(sealed));
  const readsOnce = await missedBy(vault, id, async (sealed) => {
    await vault.verifyListed(sealed);
    await vault.readBack(sealed, 'data');
  });
  return hashesFirst ?? (readsOnce === null ? null : `read once: ${readsOnce}`);
}

async function missedBy(vault: Vault, id: string, look: (sealed: Sealed) => Promise<void>): Promise<string | null> {
  let passed: 'nothing' | 'look' | 'parts' = 'nothing';
  try {
    const sealed = await vault.show(id, OF);
    await look(sealed);
    passed = 'look';
    await vault.opened(sealed, 'data', async (_folder, objects) => {
      passed = 'parts';
      for (const name of objects.names) await objects.read(name);
    });
    return 'nobody noticed';
  } catch (error) {
    if (passed === 'look') return 'a part that cannot be opened had passed';
    const isCaught = isProblem(error) && ['backup-invalid', 'not-found'].includes(error.kind);
    return isCaught ? null : `not said as what it is: ${String(error)}`;
  }
}

/** Returns whether anything is different now. */
function damageFolder(folder: string, other: string, damage: Corruption, manifest: Manifest): boolean {
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  const name = names.sort()[damage.first % names.length] ?? '';
  const path = join(folder, name);
  const before = readFileSync(path);
  switch (damage.kind) {
    case 'removed':
      rmSync(path);
      return true;
    case 'no-signature':
      rmSync(join(folder, 'manifest.sig'));
      return true;
    case 'extra':
      mkdirSync(join(folder, 'more'), { recursive: true });
      writeFileSync(join(folder, 'more/file'), randomBytes(damage.second % 100));
      return true;
    case 'from-other':
      cpSync(join(other, sameSort(name, other, damage.second)), path);
      return !readFileSync(path).equals(before);
    case 'swapped-within': {
      const second = join(folder, names[damage.second % names.length] ?? '');
      const content = readFileSync(second);
      writeFileSync(path, content);
      writeFileSync(second, before);
      return !content.equals(before);
    }
    case 'forged-hashes':
    case 'forged-manifest':
    case 'forged-origin':
      return forge(folder, damage, manifest);
    default: {
      const after = changedBytes(before, damage);
      writeFileSync(path, after);
      return !after.equals(before);
    }
  }
}

/** The file of that path in another backup, or, as objects have names of their own, one of its objects. */
function sameSort(name: string, other: string, number: number): string {
  if (existsSync(join(other, name))) return name;
  const objects = readdirSync(join(other, 'data/objects')).sort();
  return join('data/objects', objects[number % objects.length] ?? '');
}

function changedBytes(before: Buffer, { kind, first, second, mask }: Corruption): Buffer {
  if (before.length === 0) return Buffer.alloc(1 + (second % 50), mask);
  const at = second % before.length;
  const size = 1 + (first % 4096);
  const after = Buffer.from(before);
  switch (kind) {
    case 'bit':
      after.writeUInt8((before[at] ?? 0) ^ (1 << (mask % 8)), at);
      return after;
    case 'cut':
      return before.subarray(0, at);
    case 'grown':
      return Buffer.concat([before, Buffer.alloc(size, mask)]);
    case 'zeroed':
      return after.fill(0, at, Math.min(at + size, before.length));
    case 'shuffled':
      return Buffer.concat([before.subarray(at), before.subarray(0, at)]);
    default:
      throw new Error(`${kind} does not change the bytes of one file`);
  }
}

/** Somebody who knows the format: the part is changed and every hash made to match, or the manifest says something else. */
function forge(folder: string, { kind, first, second, mask }: Corruption, manifest: Manifest): boolean {
  const forged = structuredClone(manifest);
  if (kind === 'forged-manifest') forged.version = `9.${first}.${second}`;
  else if (kind === 'forged-origin') {
    const [object] = forged.stores.flatMap(objectsOf).filter(({ stored }) => stored.from !== undefined);
    if (object === undefined) return false;
    object.stored.from = formatBackupId({ takenAtMs: second * 1000, ...OF, reason: 'manual', random: 'bbbbbb' });
  } else {
    const parts = forged.stores.flatMap((store) => [...store.parts, ...objectsOf(store)]);
    const part = parts[first % parts.length];
    if (part?.stored === undefined) return false;
    const path = join(folder, part.path);
    const bytes = changedBytes(readFileSync(path), { kind: 'bit', first, second, mask });
    writeFileSync(path, bytes);
    part.stored = { ...part.stored, bytes: bytes.length, sha256: sha256(bytes) };
  }
  const bytes = manifestBytes(forged);
  writeFileSync(join(folder, 'manifest.json'), bytes);
  writeFileSync(join(folder, 'manifest.json.sha256'), `${sha256(bytes)}\n`);
  return true;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
