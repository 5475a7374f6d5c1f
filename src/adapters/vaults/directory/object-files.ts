import { errorCode } from '../../../platform/error-code.ts';
import { openForReading } from '../../../platform/file-tree.ts';

/** Folder of a store's objects below the store's own. */
export const OBJECTS = 'objects';

/** Part of a store with objects: a line with name and key for each. */
export const OBJECT_KEYS = 'objects.jsonl';

/** The bytes of a file that must have so many; null when it has not, or is not there. */
export async function readStored(path: string, bytes: number): Promise<Buffer | null> {
  let file;
  try {
    file = await openForReading(path);
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes(errorCode(error))) return null;
    throw error;
  }
  try {
    const facts = await file.facts();
    if (facts.type !== 'file' || facts.bytes !== bytes) return null;
    const content = Buffer.allocUnsafeSlow(bytes);
    for (let done = 0; done < bytes;) {
      const count = await file.read(content.subarray(done), done);
      if (count === 0) return null;
      done += count;
    }
    return content;
  } finally {
    await file.close();
  }
}
