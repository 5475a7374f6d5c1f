import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { ensureDirectory, listDirectory, readText, removeTree, writeAtomically } from '../../../platform/files.ts';
import { madeOnce } from '../../../platform/made-once.ts';
import { parseKey } from './data-key.ts';
import { newSigningKey, signatureText, signerOf } from './signature.ts';

export interface KeyRingSettings {
  /** Where our own keys lie, 0700; made on first use. */
  folder: string;
  /** age recipients; none: backups are not encrypted. */
  recipients: readonly string[];
  /** Public keys that may sign backups besides our own. */
  signers: readonly string[];
  /** The identity that reads encrypted backups, asked for when one has to be read; null when there is none. */
  identity: () => Promise<string | null>;
}

/** A data key that is kept so that a release can put back what it backed up. */
export interface KeptKey {
  backup: string;
  release: string;
}

/** The keys of a project's backups: who may read them, who signs them, and the data keys of those that a release may need. */
export interface KeyRing {
  readonly recipients: readonly string[];
  /** Public half of our own signing key; the key is made on first use. */
  signer(): Promise<string>;
  sign(bytes: Buffer): Promise<string>;
  /** Whether a signer is ours or named in the release file. */
  trusts(signer: string): Promise<boolean>;
  /** Keeps the data key in this process, and on the disk when a release may have to read the backup. */
  keep(backup: string, dataKey: Buffer, release: string | null): Promise<void>;
  kept(backup: string): Promise<Buffer | null>;
  keptForReleases(): Promise<KeptKey[]>;
  forget(backup: string): Promise<void>;
  /** What is kept, under a name of letters, digits and `-`, of the newest backup that later ones share objects with: the keys of these objects are in it. */
  remembered(name: string): Promise<string | null>;
  remember(name: string, text: string): Promise<void>;
  /** The names under which something is kept. */
  rememberedNames(): Promise<string[]>;
  /** Nothing under that name is fine. */
  forgetRemembered(name: string): Promise<void>;
  identity(): Promise<string | null>;
}

const SIGNING_KEY = 'backup-signing.pem';
const KEPT = '.data-key';
const OBJECTS = '.objects';

export function openKeyRing(settings: KeyRingSettings): KeyRing {
  const { folder, recipients, signers } = settings;
  const inMemory = new Map<string, Buffer>();
  const keptPath = (backup: string): string => join(folder, backup + KEPT);
  return {
    recipients,
    signer: async () => signerOf(await ownKey(folder)),
    sign: async (bytes) => signatureText(await ownKey(folder), bytes),
    async trusts(signer) {
      const own = await readText(join(folder, SIGNING_KEY));
      return signers.includes(signer) || (own !== null && signerOf(own) === signer);
    },
    async keep(backup, dataKey, release) {
      inMemory.set(backup, dataKey);
      if (release === null) return;
      await ensureDirectory(folder);
      const text = `${JSON.stringify({ format: 1, backup, key: dataKey.toString('hex'), release })}\n`;
      await writeAtomically(keptPath(backup), text);
    },
    kept: async (backup) => inMemory.get(backup) ?? parseKey((await readText(keptPath(backup))) ?? '', backup),
    keptForReleases: () => keptForReleases(folder),
    async forget(backup) {
      inMemory.delete(backup);
      await removeTree(keptPath(backup));
    },
    remembered: (name) => readText(join(folder, name + OBJECTS)),
    async remember(name, text) {
      await ensureDirectory(folder);
      await writeAtomically(join(folder, name + OBJECTS), text);
    },
    rememberedNames: async () =>
      listDirectory(folder).flatMap((name) => (name.endsWith(OBJECTS) ? [name.slice(0, -OBJECTS.length)] : [])),
    forgetRemembered: (name) => removeTree(join(folder, name + OBJECTS)),
    identity: settings.identity,
  };
}

async function ownKey(folder: string): Promise<string> {
  const path = join(folder, SIGNING_KEY);
  const made = await madeOnce(path, newSigningKey);
  if (made !== null) return made;
  throw problem('backup-failed', 'the key that signs backups was taken away while it was made', {
    where: path,
    next: 'Run the command again.',
    retry: true,
  });
}

async function keptForReleases(folder: string): Promise<KeptKey[]> {
  const found: KeptKey[] = [];
  for (const name of listDirectory(folder)) {
    if (!name.endsWith(KEPT)) continue;
    const backup = name.slice(0, -KEPT.length);
    found.push({ backup, release: releaseIn((await readText(join(folder, name))) ?? '') });
  }
  return found;
}

/** Empty when it cannot be read: a key that nothing can use belongs to no release. */
function releaseIn(text: string): string {
  try {
    const { release } = JSON.parse(text) as { release: unknown };
    return typeof release === 'string' ? release : '';
  } catch {
    return '';
  }
}
