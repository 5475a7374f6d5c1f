import { join } from 'node:path';
import { objectsOf, type Manifest, type SealedObject, type StoreManifest } from '../../../core/backup/manifest.ts';
import { readText } from '../../../platform/files.ts';
import type { ObjectSource } from '../../stores/store.ts';
import { openObject } from '../seal/seal-object.ts';
import { OBJECT_KEYS, OBJECTS, readStored } from './object-files.ts';
import { invalid } from './read-sealed.ts';

/** The objects of a store in a sealed backup, read where they lie. `opened` is the folder with the opened parts of the store: the keys are among them. */
export async function openObjectSource(
  sealed: { manifest: Manifest; folder: string },
  saved: StoreManifest,
  opened: string,
): Promise<ObjectSource> {
  const objects = new Map(objectsOf(saved).map((object) => [nameOf(object, saved), object]));
  const isEncrypted = (sealed.manifest.seal?.encryption ?? null) !== null;
  const keys = objects.size === 0 ? new Map<string, string | null>() : await keysIn(join(opened, OBJECT_KEYS));
  for (const [name, { path }] of objects) requireKey(keys.get(name), isEncrypted, path);
  return {
    names: [...objects.keys()],
    async read(name) {
      const object = objects.get(name);
      if (object === undefined) throw invalid(`object ${name} is not in the backup`, sealed.folder);
      const place = join(sealed.folder, object.path);
      const found = await readStored(place, object.stored.bytes);
      if (found === null) throw invalid(`object ${object.path} is missing or has another size`, place);
      const key = keys.get(name) ?? null;
      return openObject(object, found, key === null ? null : Buffer.from(key, 'hex'));
    },
  };
}

function nameOf({ path }: SealedObject, { name }: StoreManifest): string {
  return path.slice(`${name}/${OBJECTS}/`.length);
}

async function keysIn(path: string): Promise<Map<string, string | null>> {
  try {
    const lines = ((await readText(path)) ?? '').split('\n').filter((line) => line !== '');
    return new Map(
      lines.map((line) => JSON.parse(line) as { name: string; key: string | null }).map(({ name, key }) => [name, key]),
    );
  } catch {
    throw invalid('the keys of its objects are damaged', path);
  }
}

function requireKey(key: string | null | undefined, isEncrypted: boolean, path: string): void {
  const isRight = isEncrypted ? typeof key === 'string' && /^[0-9a-f]{64}$/.test(key) : key === null;
  if (!isRight) throw invalid(`object ${path} has no key, or one too many`, path);
}
