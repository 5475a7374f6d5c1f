import { dirname, join } from 'node:path';
import { KEYS_FILE, type Encryption, type Part } from '../../../core/backup/manifest.ts';
import { problem } from '../../../core/release/problem.ts';
import { ensureDirectory, nameBeside, rename, sha256OfFile, writeAtomically } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { BLOCK_BYTES } from '../seal/blocks.ts';
import { newDataKey, wrapDataKey } from '../seal/data-key.ts';
import type { KeyRing } from '../seal/key-ring.ts';
import { sealPart } from '../seal/seal-part.ts';
import type { SecretPart } from '../vault.ts';
import { pathsBelow } from './find-parts.ts';

export interface Sealing {
  backup: string;
  release: string | null;
  keys: KeyRing;
  signal: AbortSignal | undefined;
  /** Paths of what is sealed already. */
  objects: ReadonlySet<string>;
  /** Sealed straight from memory, after the files. */
  secrets: readonly SecretPart[];
}

/**
 * Packs every captured file, encrypts it when there is somebody to encrypt for, and puts it in the place of the plain one, one after the
 * other: at no time is there more than one file twice.
 */
export async function sealFolder(
  folder: string,
  sealing: Sealing,
): Promise<{ parts: Part[]; encryption: Encryption | null }> {
  const { backup, signal, objects } = sealing;
  const paths = (await pathsBelow(folder)).filter((path) => !objects.has(path));
  const lock = await makeLock(folder, sealing);
  const parts: Part[] = [];
  for (const path of paths) {
    signal?.throwIfAborted();
    const from = join(folder, path);
    const to = nameBeside(from);
    parts.push(await sealPart({ from, to, name: { backup, path }, dataKey: lock?.dataKey ?? null, signal }));
    await rename(to, from);
    await gap('vaults.part-sealed');
  }
  parts.push(...(await sealSecrets(folder, sealing, lock?.dataKey ?? null)));
  return { parts, encryption: lock?.encryption ?? null };
}

async function sealSecrets(folder: string, sealing: Sealing, dataKey: Buffer | null): Promise<Part[]> {
  const { backup, signal, secrets } = sealing;
  const parts: Part[] = [];
  for (const { path, bytes } of secrets) {
    if (dataKey === null) throw notEncrypted(path);
    const to = join(folder, path);
    await ensureDirectory(dirname(to));
    parts.push(await sealPart({ from: bytes, to, name: { backup, path }, dataKey, signal }));
    await gap('vaults.part-sealed');
  }
  return parts;
}

function notEncrypted(path: string): Error {
  return problem('internal', `${path} holds secrets, and there is nobody to encrypt it for`, {
    where: path,
    next: 'Name recipients under backups.encryption in the release file.',
  });
}

async function makeLock(
  folder: string,
  { backup, release, keys }: Sealing,
): Promise<{ dataKey: Buffer; encryption: Encryption } | null> {
  const recipients = [...keys.recipients];
  if (recipients.length === 0) return null;
  const dataKey = newDataKey();
  const path = join(folder, KEYS_FILE);
  await writeAtomically(path, await wrapDataKey(backup, dataKey, recipients));
  // Kept before anything is encrypted with it: a release that dies from here on can still read what it sealed.
  await keys.keep(backup, dataKey, release);
  const { bytes, sha256 } = await sha256OfFile(path);
  return {
    dataKey,
    encryption: { cipher: 'aes-256-gcm', blockBytes: BLOCK_BYTES, recipients, keys: { bytes, sha256 } },
  };
}
