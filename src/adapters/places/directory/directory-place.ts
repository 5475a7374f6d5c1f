import { dirname, join, resolve } from 'node:path';
import { problem, type Problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { readRange, writeNewFile } from '../../../platform/file-stream.ts';
import { factsOf, hardLink, namesIn } from '../../../platform/file-tree.ts';
import {
  ensureDirectory,
  listDirectory,
  nameBeside,
  removeEmptyDirectory,
  removeTree,
  rename,
  syncDirectory,
} from '../../../platform/files.ts';
import { changedOnTheWay } from '../place-problem.ts';
import type { Place, PlacedFile, Sending } from '../place.ts';
import type { DirectorySettings } from './settings.ts';

/** What a file system says that has no second names, or cannot have this one, also because the first is gone. */
const CANNOT_LINK = ['ENOENT', 'EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'];

/** Another folder, usually a disk that is mounted there. */
export function openDirectoryPlace(written: DirectorySettings, effect: Effect): Place {
  const root = resolve(effect.projectDirectory, effect.resolve(written));
  const at = (path: string): string => join(root, path);
  const ready = (): Promise<void> => requireRoot(root, effect);
  return {
    where: root,
    async names() {
      await ready();
      const found = { folders: [] as string[], files: [] as string[] };
      for (const name of listDirectory(root)) {
        const facts = await factsOf(at(name));
        if (facts?.type === 'directory') found.folders.push(name);
        if (facts?.type === 'file') found.files.push(name);
      }
      return found;
    },
    async files(folder) {
      await ready();
      return (await filesBelow(root, folder)).sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async find(path) {
      await ready();
      const facts = await factsOf(at(path));
      return facts?.type === 'file' ? { path, bytes: facts.bytes } : null;
    },
    async send(path, sending) {
      await ready();
      await send(at(path), sending, effect);
    },
    async link(from, to) {
      await ready();
      return link(at(from), at(to));
    },
    read: (path, from) => stoppable(readRange(at(path), from === undefined ? {} : { from }), effect),
    async remove(path) {
      await ready();
      await removeTree(at(path));
      if ((await factsOf(dirname(at(path)))) !== null) await syncDirectory(dirname(at(path)));
    },
    async removeFolder(path) {
      await ready();
      await removeEmptyDirectory(at(path));
    },
    close: async () => undefined,
  };
}

/** Never made by us: where a disk is not mounted, its folder would be made on the disk of the live data, and look like a copy. */
async function requireRoot(root: string, { signal }: Effect): Promise<void> {
  signal.throwIfAborted();
  const facts = await factsOf(root);
  if (facts?.type === 'directory') return;
  const what = facts === null ? 'is not there' : 'is not a folder';
  throw problem('unreachable', `the folder for copies ${what}`, {
    where: root,
    next: `Mount the disk, or make the folder: mkdir -m 700 ${root}`,
  });
}

async function filesBelow(root: string, folder: string): Promise<PlacedFile[]> {
  if ((await factsOf(join(root, folder)))?.type !== 'directory') return [];
  const found: PlacedFile[] = [];
  for (const name of await namesIn(join(root, folder))) {
    const path = `${folder}/${name}`;
    const facts = await factsOf(join(root, path));
    if (facts?.type === 'directory') found.push(...(await filesBelow(root, path)));
    else if (facts !== null) found.push({ path, bytes: facts.bytes });
  }
  return found;
}

async function send(to: string, { from, bytes, sha256 }: Sending, effect: Effect): Promise<void> {
  await ensureDirectory(dirname(to));
  const beside = nameBeside(to);
  try {
    const written = await writeNewFile(beside, stoppable(readRange(from), effect));
    if (written.bytes !== bytes || written.sha256 !== sha256) throw changedOnTheWay(from);
    await rename(beside, to);
  } catch (error) {
    await removeTree(beside).catch(() => undefined); // the first error says what is wrong
    throw error;
  }
}

async function link(from: string, to: string): Promise<boolean> {
  await ensureDirectory(dirname(to));
  const beside = nameBeside(to);
  try {
    await hardLink(from, beside);
  } catch (error) {
    if (CANNOT_LINK.includes(codeBehind(error))) return false;
    throw error;
  }
  await rename(beside, to);
  // Two names of one file are not renamed onto each other: the one beside would stay.
  await removeTree(beside);
  return true;
}

/** A refused link arrives as "not permitted", with what the system said as its cause. */
function codeBehind(error: unknown): string {
  const { cause } = error as Problem;
  return errorCode(error) || errorCode(cause);
}

async function* stoppable(source: AsyncIterable<Buffer>, { signal }: Effect): AsyncIterable<Buffer> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
}
