import { basename, dirname, join } from 'node:path';
import { errorCode } from './error-code.ts';
import { copyFileSynced, listDirectory, syncDirectory, writeAtomically } from './files.ts';
import { applyFacts, factsOf, hardLink, openForReading, realPathOf, type FileFacts } from './file-tree.ts';
import { gap } from './gap.ts';

/** A small file as it lies there. */
export interface FileCopy {
  bytes: Buffer;
  /** Permission bits. */
  mode: number;
}

/** The file, links followed; null when there is none. */
export async function readWithMode(path: string): Promise<FileCopy | null> {
  const real = await realPathOf(path);
  if ((await factsOf(real))?.type !== 'file') return null;
  const file = await openForReading(real);
  try {
    const { bytes: size, mode } = await file.facts();
    const bytes = Buffer.alloc(size);
    return { bytes: bytes.subarray(0, await file.read(bytes, 0)), mode };
  } finally {
    await file.close();
  }
}

/** Where the file is kept that another one takes the place of. */
export function replacedPath(path: string, tag: string): string {
  return `${path}.replaced-${tag}`;
}

/**
 * Puts a file in the place of another one, which stays beside it. At every moment the place holds the one or the other, whole; doing it
 * again finishes it. A link is followed: what it leads to is replaced, not the link. Returns where the other one is now.
 */
export async function replaceFile(path: string, copy: FileCopy, tag: string): Promise<string> {
  const real = await realPathOf(path);
  const before = await factsOf(real);
  const aside = replacedPath(path, tag);
  if (before !== null && (await factsOf(aside)) === null) await keepAside(real, aside);
  await gap('environment.kept-aside');
  await writeAtomically(real, copy.bytes, copy.mode);
  if (before !== null) await keepOwner(real, before, copy.mode);
  await gap('environment.put-back');
  return aside;
}

/** A second name costs nothing and cannot be half written; where a disk has no such thing, a copy. */
async function keepAside(path: string, aside: string): Promise<void> {
  try {
    await hardLink(path, aside);
    await syncDirectory(dirname(aside));
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    await copyFileSynced(path, aside);
  }
}

/** Who had the file must be able to read it again; only root can give files away. */
async function keepOwner(path: string, before: FileFacts, mode: number): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const now = await factsOf(path);
  if (now === null || (now.uid === before.uid && now.gid === before.gid)) return;
  await applyFacts(path, { ...now, mode, uid: before.uid, gid: before.gid });
}

/** What was replaced at this path: by the tag, with size and time. */
export async function findReplacedFiles(
  path: string,
): Promise<{ path: string; tag: string; bytes: number; mtimeMs: number }[]> {
  const beginning = `${basename(path)}.replaced-`;
  const found = [];
  for (const name of listDirectory(dirname(path)).filter((one) => one.startsWith(beginning))) {
    const aside = join(dirname(path), name);
    const facts = await factsOf(aside);
    if (facts?.type !== 'file') continue;
    found.push({ path: aside, tag: name.slice(beginning.length), bytes: facts.bytes, mtimeMs: facts.mtimeMs });
  }
  return found;
}
