import { join } from 'node:path';
import { objectsOf, recipientsOf, type Manifest, type SealedObject } from '../../../core/backup/manifest.ts';
import { isProblem } from '../../../core/release/problem.ts';
import type { ObjectMemory, ObjectScope } from './object-memory.ts';
import type { VaultPlace } from './vault-place.ts';
import { readSealed } from './read-sealed.ts';

/** The newest backup whose objects may be taken over. */
export interface Origin {
  id: string;
  /** Where it lies. */
  folder: string;
  /** By path. */
  objects: ReadonlyMap<string, SealedObject>;
  memory: ObjectMemory;
}

/**
 * The remembered backup, when everything that a new one would promise of its objects is still true: it is there and trusted, signed by our own
 * key, for the same recipients; and the last full one is not too old. Otherwise null, and everything is written anew.
 */
export async function findOrigin(
  place: VaultPlace,
  scope: ObjectScope,
  memory: ObjectMemory | null,
  now: { nowMs: number; fullSeconds: number },
): Promise<Origin | null> {
  if (memory === null) return null;
  const ageMs = now.nowMs - memory.fullAtMs;
  // A clock that was set back must not put the next full backup off.
  if (!(ageMs >= 0 && ageMs < now.fullSeconds * 1000)) return null;
  const manifest = await trusted(place, memory.backup);
  const saved = manifest?.stores.find(({ name }) => name === scope.store);
  if (manifest === null || saved === undefined || !(await isSealedAlike(place, manifest))) return null;
  const objects = new Map(objectsOf(saved).map((object) => [object.path, object]));
  return { id: manifest.id, folder: join(place.directory, manifest.id), objects, memory };
}

async function trusted(place: VaultPlace, id: string): Promise<Manifest | null> {
  try {
    return (await readSealed(place, id)).manifest;
  } catch (error) {
    if (isProblem(error) && error.kind === 'backup-invalid') return null;
    throw error;
  }
}

async function isSealedAlike({ keys }: VaultPlace, manifest: Manifest): Promise<boolean> {
  const recipients = (of: readonly string[]): string => JSON.stringify([...of].sort());
  return (
    manifest.seal?.signer === (await keys.signer()) &&
    recipients(recipientsOf(manifest)) === recipients(keys.recipients)
  );
}
