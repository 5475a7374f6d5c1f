import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { ensureDirectory, listDirectory, readText, removeTree, writeAtomically } from './files.ts';
import { factsOf, openForReading } from './file-tree.ts';
import { madeOnce } from './made-once.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_FILE = 'records.key';

/** Where records lie, and the folder of the key that reads them; both below `.shipway`. */
export interface RecordPlace {
  folder: string;
  keyFolder: string;
}

/**
 * Writes a small secret that this project alone reads again, encrypted with a key that never leaves this machine: a copy of the folder, or of
 * the disk's free space, tells nothing without it.
 */
export async function writeRecord({ folder, keyFolder }: RecordPlace, name: string, bytes: Buffer): Promise<void> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, await ownKey(keyFolder), nonce).setAAD(Buffer.from(name, 'utf8'));
  const sealed = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  await ensureDirectory(folder);
  await writeAtomically(join(folder, name), sealed);
}

/** The record of that name; null when there is none, or it is not one that this project wrote under that name. */
export async function readRecord({ folder, keyFolder }: RecordPlace, name: string): Promise<Buffer | null> {
  const sealed = await bytesOf(join(folder, name));
  const key = parseKey(await readText(join(keyFolder, KEY_FILE)));
  if (sealed === null || key === null || sealed.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(name, 'utf8')).setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}

/** Deletes all records whose name begins so, but the newest ones. */
export async function keepNewest({ folder }: RecordPlace, beginning: string, count: number): Promise<void> {
  const found: { path: string; mtimeMs: number }[] = [];
  for (const name of listDirectory(folder).filter((one) => one.startsWith(beginning))) {
    const path = join(folder, name);
    found.push({ path, mtimeMs: (await factsOf(path))?.mtimeMs ?? 0 });
  }
  const old = found.toSorted((a, b) => b.mtimeMs - a.mtimeMs).slice(count);
  for (const { path } of old) await removeTree(path);
}

async function bytesOf(path: string): Promise<Buffer | null> {
  if ((await factsOf(path))?.type !== 'file') return null;
  const file = await openForReading(path);
  try {
    const bytes = Buffer.alloc((await file.facts()).bytes);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

function parseKey(text: string | null): Buffer | null {
  return text !== null && /^[0-9a-f]{64}\n$/.test(text) ? Buffer.from(text.trim(), 'hex') : null;
}

async function ownKey(folder: string): Promise<Buffer> {
  const path = join(folder, KEY_FILE);
  const key = parseKey(await madeOnce(path, () => `${randomBytes(32).toString('hex')}\n`));
  if (key !== null) return key;
  throw problem('internal', 'the key of the records of this project cannot be read', {
    where: path,
    next: 'Move that file away; what was written down with it is then not known any more.',
  });
}
