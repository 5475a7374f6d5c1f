import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { listDirectory, sha256OfFile } from '../../../platform/files.ts';

/** A text that is different when the compiled router is: SHA-256 over the files beside the entry. */
export async function codeFingerprint(entry: string): Promise<string> {
  const directory = dirname(entry);
  const hash = createHash('sha256');
  for (const name of listDirectory(directory).filter((file) => file.endsWith('.js'))) {
    hash.update(`${name} ${(await sha256OfFile(join(directory, name))).sha256}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
