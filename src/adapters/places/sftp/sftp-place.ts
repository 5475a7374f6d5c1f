import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { readRange } from '../../../platform/file-stream.ts';
import { randomId } from '../../../platform/ids.ts';
import { requireAsPromised } from '../check-sending.ts';
import type { Place, PlacedFile, Sending } from '../place.ts';
import type { SftpSettings } from './settings.ts';
import { filesOf, type SftpFiles } from './sftp-files.ts';
import { openSession, type SftpSession } from './sftp-session.ts';

/** A folder of a server that one signs in to by ssh. The connection is made when it is first needed, and anew when it broke. */
export function openSftpPlace(settings: SftpSettings, effect: Effect): Place {
  const root = effect.resolve(settings.directory).replace(/(?<=.)\/$/, '');
  const where = `sftp://${settings.user === undefined ? '' : `${settings.user}@`}${settings.host}${portOf(settings)}/${root.replace(/^\//, '')}`;
  const at = (path: string): string => (root === '/' ? `/${path}` : `${root}/${path}`);
  let session: SftpSession | null = null;
  const close = async (): Promise<void> => {
    await session?.close();
    session = null;
  };
  const files = async (): Promise<SftpFiles> => {
    effect.signal.throwIfAborted();
    if (session?.isBroken() === true) await close();
    const isNew = session === null;
    session ??= await openSession(settings, where, effect);
    const found = filesOf(session, where);
    if (isNew) await requireRoot(found, root, where);
    return found;
  };
  return {
    where,
    async names() {
      const found = await (await files()).names(root);
      const of = (type: string): string[] =>
        found
          .filter((one) => one.attributes.type === type)
          .map((one) => one.name)
          .sort();
      return { folders: of('folder'), files: of('file') };
    },
    files: async (folder) => (await filesBelow(await files(), at, folder)).sort((a, b) => (a.path < b.path ? -1 : 1)),
    async find(path) {
      const found = await (await files()).attributes(at(path));
      return found?.type === 'file' ? { path, bytes: found.bytes } : null;
    },
    send: async (path, sending) => send(await files(), at(path), sending, effect),
    link: async (from, to) => link(await files(), at(from), at(to)),
    async *read(path, from = 0) {
      yield* (await files()).read(at(path), from);
    },
    remove: async (path) => (await files()).remove(at(path)),
    removeFolder: async (path) => (await files()).removeFolder(at(path)),
    close,
  };
}

function portOf({ port }: SftpSettings): string {
  return port === undefined ? '' : `:${port}`;
}

/** As for a folder of this machine: where a disk is not mounted there is none, and none is made. */
async function requireRoot(files: SftpFiles, root: string, where: string): Promise<void> {
  const found = await files.attributes(`${root}/.`);
  if (found?.type === 'folder') return;
  throw problem('not-found', 'the folder for copies is not there on the server', {
    where,
    next: `Make it there: mkdir -m 700 ${root}`,
  });
}

async function filesBelow(files: SftpFiles, at: (path: string) => string, folder: string): Promise<PlacedFile[]> {
  const found: PlacedFile[] = [];
  for (const { name, attributes } of await files.names(at(folder))) {
    const path = `${folder}/${name}`;
    if (attributes.type === 'folder') found.push(...(await filesBelow(files, at, path)));
    else found.push({ path, bytes: attributes.bytes });
  }
  return found;
}

/** Written beside and renamed: a file that has its name is whole. */
async function send(files: SftpFiles, to: string, sending: Sending, { signal }: Effect): Promise<void> {
  await files.makeFolders(to.slice(0, to.lastIndexOf('/')));
  const beside = `${to.slice(0, to.lastIndexOf('/'))}/.${randomId()}.new`;
  await requireAsPromised(sending);
  signal.throwIfAborted();
  try {
    await files.write(beside, readRange(sending.from));
    await files.rename(beside, to);
  } catch (error) {
    await files.remove(beside).catch(() => undefined); // the first error says what is wrong
    throw error;
  }
}

async function link(files: SftpFiles, from: string, to: string): Promise<boolean> {
  const folder = to.slice(0, to.lastIndexOf('/'));
  await files.makeFolders(folder);
  const beside = `${folder}/.${randomId()}.new`;
  if (!(await files.hardLink(from, beside))) return false;
  await files.rename(beside, to);
  await files.remove(beside); // two names of one file are not renamed onto each other
  return true;
}
