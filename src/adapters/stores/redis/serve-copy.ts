import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, listDirectory } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { randomId } from '../../../platform/ids.ts';
import type { Guard } from '../../../platform/guard.ts';
import { chooseFreePort } from '../../../platform/ports.ts';
import { registerSecret } from '../../../platform/redact.ts';
import type { Capture, ServedCopy, Serving } from '../store.ts';
import { redisProblem, type RedisConnection } from './connection.ts';
import { COPY } from './description.ts';
import type { LocatedServer } from './located-server.ts';
import { clearCopy, endCopy, guardCopy } from './end-copy.ts';
import { withScratchServer } from './scratch-server.ts';
import { noteSocketIn } from './socket-note.ts';

const FOLDER = 'redis-copies';
const HOST = '127.0.0.1';
const LIFE_SECONDS = 6 * 60 * 60; // no version is asked for so long; whoever serves a copy ends it before
const PORT_TRIES = 5; // a free port is lost to somebody else in the moment between
const PASSWORD_BYTES = 20; // every user of the machine can reach the port

/** What of a backup is served. */
export interface ServedData {
  /** Writes what the server loads to the path; nothing there means an empty server. */
  place(folder: string, path: string): Promise<void>;
  /** Compares what was loaded; throws `backup-invalid` with the first difference. */
  check(copy: { folder: string; capture: Capture }, connection: RedisConnection): Promise<void>;
}

interface Order {
  copy: { folder: string; capture: Capture };
  data: ServedData;
  server: LocatedServer;
  /** Gets the data, and whatever the server would write. */
  place: string;
  guard: Guard;
}

/**
 * Copies in servers of our own that a program may use and change: on a port of this machine alone, with a password of their own. Only one
 * use of copies of a project runs at a time, so that every folder that is found before one begins is left over. What a killed process served is
 * ended by a guard.
 */
export function serveCopies(locate: (effect: Effect) => Promise<LocatedServer>, data: ServedData): Serving {
  return {
    sweep: async (effect) => {
      const removed: string[] = [];
      for (const name of listDirectory(folderOf(effect))) {
        const place = join(folderOf(effect), name);
        await endCopy({ tokens: tokensOf(name), place }, effect.clock);
        removed.push(place);
      }
      return removed;
    },
    restore: async (copy, id, effect) => {
      const place = join(folderOf(effect), id);
      await ensureDirectory(place);
      const guard = guardCopy({ tokens: tokensOf(id), place });
      try {
        await data.place(copy.folder, join(place, COPY));
        await gap('stores.redis.copy-placed');
        return await serve({ copy, data, server: await locate(effect), place, guard }, effect);
      } catch (error) {
        await clearCopy(place);
        guard.dismiss();
        throw redisProblem('backup-invalid', 'the copy cannot be served', copy.folder, error);
      }
    },
  };
}

const folderOf = (effect: Effect): string => join(effect.stateDirectory, FOLDER);

const tokensOf = (id: string): string => `rehearsal/${id}/`;

/** The server runs until the copy is removed. */
function serve({ copy, data, server, place, guard }: Order, effect: Effect): Promise<ServedCopy> {
  const { settings, address } = server;
  const own = { ...settings, lifeSeconds: LIFE_SECONDS, noteFolder: noteSocketIn(place) };
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const running = withScratchServer(join(place, COPY), own, effect, async (connection) => {
      await data.check(copy, connection);
      const { port, password } = await openToPrograms(connection);
      await gap('stores.redis.served');
      const url = `redis://:${password}@${HOST}:${port}/${address.database}`;
      const remove = async (): Promise<void> => {
        over.abort();
        await running.catch(() => undefined); // it is gone either way
        await clearCopy(place);
        guard.dismiss();
      };
      resolve({ variables: { SCRATCH_URL: url }, place: `redis://${HOST}:${port}`, remove });
      await ended(AbortSignal.any([over.signal, effect.signal]));
      await connection.call('SHUTDOWN', 'NOSAVE').catch(() => undefined); // it answers by closing the connection
    });
    running.catch(reject);
  });
}

/** From here on keys end when their time is over, as they would after a restore. */
async function openToPrograms(connection: RedisConnection): Promise<{ port: number; password: string }> {
  const password = randomId(PASSWORD_BYTES);
  registerSecret('password of a restored copy', password);
  await connection.call('REPLICAOF', 'NO', 'ONE');
  await connection.call('CONFIG', 'SET', 'requirepass', password);
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = await chooseFreePort(HOST);
    const said = await connection.call('CONFIG', 'SET', 'port', String(port)).catch((error: unknown) => error);
    if (Buffer.isBuffer(said)) return { port, password };
  }
  throw problem('restore-failed', 'no port was free for the server of the copy', {
    where: HOST,
    next: 'Try again.',
    retry: true,
  });
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
