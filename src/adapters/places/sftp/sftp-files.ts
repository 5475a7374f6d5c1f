import { problem, type Problem } from '../../../core/release/problem.ts';
import { placeFull } from '../place-problem.ts';
import type { SftpAnswer, SftpSession } from './sftp-session.ts';
import { ANSWER, OPEN, REQUEST, STATUS, type Attributes, type Field } from './wire.ts';

const PIECE_BYTES = 32 * 1024; // what every server takes
const AT_ONCE = 64; // 2 MiB under way: enough for 100 ms at 20 MB/s, and all that is in memory

const STATVFS = 'statvfs@openssh.com';
const RENAME = 'posix-rename@openssh.com';
const HARDLINK = 'hardlink@openssh.com';
const FSYNC = 'fsync@openssh.com';

/** Single deeds on the files of the other side, each named for its error. */
export interface SftpFiles {
  attributes(path: string): Promise<Attributes | null>;
  names(folder: string): Promise<{ name: string; attributes: Attributes }[]>;
  /** Also those above it. */
  makeFolders(path: string): Promise<void>;
  write(path: string, source: AsyncIterable<Buffer>): Promise<void>;
  read(path: string, from: number): AsyncIterable<Buffer>;
  /** Replaces what has the name. */
  rename(from: string, to: string): Promise<void>;
  hardLink(from: string, to: string): Promise<boolean>;
  remove(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
}

export function filesOf(session: SftpSession, where: string): SftpFiles {
  const ask = askingOf(session, where);
  const attributes = async (path: string): Promise<Attributes | null> => {
    const answer = await ask(`look at ${path}`, REQUEST.lstat, [{ text: path }], [STATUS.notThere]);
    return answer === null ? null : answer.body.attributes();
  };
  return {
    attributes,
    names: (folder) => namesIn(ask, folder),
    async makeFolders(path) {
      const names = path.split('/');
      for (let end = 1; end <= names.length; end += 1) {
        const folder = names.slice(0, end).join('/');
        if (folder === '' || (await attributes(folder))?.type === 'folder') continue;
        // Another copy may make it at the same moment, which the server calls a failure.
        await ask(`make ${folder}`, REQUEST.makeFolder, [{ text: folder }, { mode: 0o700 }], [STATUS.failure]);
      }
    },
    write: (path, source) => write(ask, session, path, source),
    read: (path, from) => read(ask, path, from),
    async rename(from, to) {
      if (session.extensions.has(RENAME)) {
        await ask(`rename to ${to}`, REQUEST.extended, [{ text: RENAME }, { text: from }, { text: to }]);
        return;
      }
      await ask(`replace ${to}`, REQUEST.remove, [{ text: to }], [STATUS.notThere]);
      await ask(`rename to ${to}`, REQUEST.rename, [{ text: from }, { text: to }]);
    },
    async hardLink(from, to) {
      if (!session.extensions.has(HARDLINK)) return false;
      const fields = [{ text: HARDLINK }, { text: from }, { text: to }];
      const refused = [STATUS.notThere, STATUS.failure, STATUS.notSupported, STATUS.notPermitted];
      return (await ask(`link ${to}`, REQUEST.extended, fields, refused)) !== null;
    },
    async remove(path) {
      await ask(`delete ${path}`, REQUEST.remove, [{ text: path }], [STATUS.notThere]);
    },
    async removeFolder(path) {
      // A folder that holds something is a failure without a reason.
      await ask(`delete ${path}`, REQUEST.removeFolder, [{ text: path }], [STATUS.notThere, STATUS.failure]);
    },
  };
}

/** The answer; null where the status is one of those that are answers too; otherwise a Problem. */
type Ask = (deed: string, type: number, fields: readonly Field[], also?: number[]) => Promise<SftpAnswer | null>;

function askingOf(session: SftpSession, where: string): Ask {
  return async (deed, type, fields, also = []) => {
    const answer = await session.ask(type, fields);
    if (answer.type !== ANSWER.status) return answer;
    const status = answer.body.whole();
    if (status === STATUS.ok) return answer;
    if (also.includes(status)) return null;
    const text = answer.body.isAtEnd() ? '' : answer.body.text();
    throw await refusal({ deed, status, text, where }, session);
  };
}

async function namesIn(ask: Ask, folder: string): ReturnType<SftpFiles['names']> {
  const opened = await ask(`list ${folder}`, REQUEST.openFolder, [{ text: folder }], [STATUS.notThere]);
  if (opened === null) return [];
  const handle = opened.body.bytes();
  const found: { name: string; attributes: Attributes }[] = [];
  try {
    for (;;) {
      const answer = await ask(`list ${folder}`, REQUEST.readFolder, [{ text: handle }], [STATUS.end]);
      if (answer === null) return found;
      const count = answer.body.whole();
      for (let index = 0; index < count; index += 1) {
        const name = answer.body.text();
        answer.body.bytes(); // the line of ls -l, for people
        const attributes = answer.body.attributes();
        if (name !== '.' && name !== '..') found.push({ name, attributes });
      }
    }
  } finally {
    await ask(`close ${folder}`, REQUEST.close, [{ text: handle }]);
  }
}

/** A new file, whole on the disk of the other side when this returns, where that side can say so. */
async function write(ask: Ask, session: SftpSession, path: string, source: AsyncIterable<Buffer>): Promise<void> {
  const flags = OPEN.write + OPEN.create + OPEN.exclusive;
  const opened = await ask(`write ${path}`, REQUEST.open, [{ text: path }, { whole: flags }, { mode: 0o600 }]);
  const handle = opened?.body.bytes() ?? Buffer.alloc(0);
  const deed = `write ${path}`;
  try {
    const underWay: Promise<unknown>[] = [];
    let position = 0;
    for await (const chunk of source) {
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        const piece = chunk.subarray(from, from + PIECE_BYTES);
        const written = ask(deed, REQUEST.write, [{ text: handle }, { long: position }, { text: piece }]);
        written.catch(() => undefined); // waited for below
        underWay.push(written);
        position += piece.length;
        if (underWay.length >= AT_ONCE) await underWay.shift();
      }
    }
    await Promise.all(underWay);
    if (session.extensions.has(FSYNC)) await ask(`sync ${path}`, REQUEST.extended, [{ text: FSYNC }, { text: handle }]);
  } finally {
    if (!session.isBroken()) await ask(`close ${path}`, REQUEST.close, [{ text: handle }]);
  }
}

/** Asks for many pieces ahead. A piece that comes back short is asked for again from where it ended. */
async function* read(ask: Ask, path: string, from: number): AsyncIterable<Buffer> {
  const opened = await ask(`read ${path}`, REQUEST.open, [{ text: path }, { whole: OPEN.read }, { mode: 0 }]);
  const handle = opened?.body.bytes() ?? Buffer.alloc(0);
  const piece = (position: number) => {
    const fields = [{ text: handle }, { long: position }, { whole: PIECE_BYTES }];
    const answer = ask(`read ${path}`, REQUEST.read, fields, [STATUS.end]);
    answer.catch(() => undefined); // waited for below
    return answer;
  };
  let position = from;
  let ahead: ReturnType<typeof piece>[] = [];
  try {
    for (;;) {
      while (ahead.length < AT_ONCE) ahead.push(piece(position + ahead.length * PIECE_BYTES));
      const answer = await ahead.shift();
      if (answer === null || answer === undefined) return;
      const data = answer.body.bytes();
      position += data.length;
      yield data;
      if (data.length < PIECE_BYTES) {
        await Promise.all(ahead);
        ahead = [];
      }
    }
  } finally {
    await Promise.allSettled(ahead);
    await ask(`close ${path}`, REQUEST.close, [{ text: handle }]).catch(() => undefined); // what went wrong before is what is told
  }
}

interface Refusal {
  deed: string;
  status: number;
  text: string;
  where: string;
}

/** SFTP has no word for a full disk: the file system is asked how full it is. */
async function refusal({ deed, status, text, where }: Refusal, session: SftpSession): Promise<Problem> {
  if (status === STATUS.failure && /^(write|sync|close|make) /.test(deed) && (await isFull(session, deed))) {
    return placeFull(where);
  }
  const said = text === '' ? '' : ` (${text.slice(0, 200)})`;
  if (status === STATUS.notPermitted) {
    return problem('not-permitted', `the server does not let this user ${deed}${said}`, {
      where,
      next: 'Give the user of the place the right to that folder, then: shipway backup copy',
    });
  }
  if (status === STATUS.notThere) {
    return problem('not-found', `the server cannot ${deed}: it is not there${said}`, {
      where,
      next: 'Look whether the folder of the place is there: directory under backups.copies.',
    });
  }
  return problem('backup-failed', `the server could not ${deed}${said}`, {
    where,
    next: 'Look into the log of the server (journalctl -u ssh), then: shipway backup copy',
    retry: true,
  });
}

async function isFull(session: SftpSession, deed: string): Promise<boolean> {
  if (!session.extensions.has(STATVFS)) return false;
  const folder = deed.slice(deed.indexOf(' ') + 1).replace(/\/[^/]*$/, '');
  const answer = await session.ask(REQUEST.extended, [{ text: STATVFS }, { text: folder === '' ? '.' : folder }]);
  if (answer.type !== ANSWER.extended) return false;
  const [, blockBytes = 0, , , blocksFree = 0, , filesFree = 1] = Array.from({ length: 7 }, () => answer.body.long());
  return blockBytes * blocksFree < PIECE_BYTES * AT_ONCE || filesFree === 0;
}
