import { isProblem, problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { redact } from '../../../platform/redact.ts';
import type { RedisAddress } from './redis-address.ts';

/** What a server answers; texts as bytes, because keys and values are bytes. */
export type Reply = Buffer | number | null | Reply[];

export interface RedisConnection {
  call(...words: (string | Buffer)[]): Promise<Reply>;
  /** The answer as text; throws when it is none. */
  text(...words: string[]): Promise<string>;
}

const CONNECT_LIMIT_MS = 5000;
const CALL_LIMIT_MS = 60_000; // the longest call reads one value of at most 512 MB; a server that is silent longer hangs

/** Connects, uses and closes. Throws `unreachable`, `not-permitted` for a wrong password, and what `use` throws. */
export async function withRedis<Result>(
  address: RedisAddress,
  effect: Effect,
  use: (connection: RedisConnection) => Promise<Result>,
): Promise<Result> {
  effect.signal.throwIfAborted();
  const client = await openClient(address);
  const stop = (): void => client.destroy();
  try {
    await client.connect();
    effect.signal.addEventListener('abort', stop, { once: true });
    const call = async (...words: (string | Buffer)[]): Promise<Reply> => withinLimit(client.send(words), address);
    return await use({
      call,
      text: async (...words) => {
        const reply = await call(...words);
        if (Buffer.isBuffer(reply)) return reply.toString('utf8');
        throw new Error(`no text from ${words.join(' ')}`);
      },
    });
  } catch (error) {
    effect.signal.throwIfAborted();
    throw connectionProblem(address, error);
  } finally {
    effect.signal.removeEventListener('abort', stop);
    client.destroy();
  }
}

interface Client {
  connect(): Promise<void>;
  send(words: (string | Buffer)[]): Promise<Reply>;
  /** Safe at any time, also twice. */
  destroy(): void;
}

/** The library is loaded here and not at the top: most commands talk to no Redis, and it costs 0.2 s. */
async function openClient(address: RedisAddress): Promise<Client> {
  const { createClient, RESP_TYPES } = await import('@redis/client');
  const { socketPath, host, port, isTls, username, password, database } = address;
  const shared = { connectTimeout: CONNECT_LIMIT_MS, reconnectStrategy: false as const };
  const tcp = isTls ? ({ host, port, tls: true } as const) : { host, port };
  const client = createClient({
    RESP: 2,
    socket: socketPath === null ? { ...shared, ...tcp } : { ...shared, path: socketPath },
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    database,
    disableClientInfo: true, // older servers answer it with an error
    maintNotifications: 'disabled',
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer } },
  });
  client.on('error', () => undefined); // every call reports its own failure
  return {
    connect: async () => void (await client.connect()),
    send: async (words) => (await client.sendCommand(words)) as unknown as Reply,
    destroy: () => {
      if (client.isOpen) client.destroy();
    },
  };
}

async function withinLimit(reply: Promise<Reply>, address: RedisAddress): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(unreachable(address, `it was silent for ${CALL_LIMIT_MS / 1000} s`)),
      CALL_LIMIT_MS,
    );
  });
  try {
    return await Promise.race([reply, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the error says that nothing listens at the address: the server is down, not merely out of reach. */
export function saysDown(error: unknown): boolean {
  const cause = isProblem(error) ? error.cause : error;
  return ['ECONNREFUSED', 'ENOENT'].includes(errorCode(cause));
}

function connectionProblem(address: RedisAddress, error: unknown): unknown {
  if (isProblem(error)) return error;
  const said = redact(error instanceof Error ? error.message : String(error));
  if (/^(WRONGPASS|NOAUTH|NOPERM|ERR (Client sent AUTH|AUTH|invalid password))/.test(said)) {
    return problem('not-permitted', `the Redis server refuses this user: ${said}`, {
      where: address.shown,
      next: 'Correct the user and password in the variable that `url` names; the user needs the rights +@read +@admin +@connection.',
      cause: error,
    });
  }
  if (saysDown(error)) {
    return problem('unreachable', 'there is no Redis server', {
      where: address.shown,
      next: 'Start it, or correct `url`.',
      cause: error,
    });
  }
  const isReply = /^[A-Z]+ /.test(said) && errorCode(error) === '';
  return isReply ? error : unreachable(address, said === '' ? errorCode(error) : said, error);
}

function unreachable(address: RedisAddress, why: string, cause?: unknown): Problem {
  return problem('unreachable', `the Redis server does not answer: ${why}`, {
    where: address.shown,
    next: 'Look at the server and the way to it, then try again.',
    retry: true,
    cause,
  });
}

/** An answer of the server that is an error, as a problem of the given kind; problems stay what they are. */
export function redisProblem(kind: ProblemKind, what: string, where: string, error: unknown): unknown {
  if (isProblem(error) || (error instanceof Error && error.name === 'AbortError')) return error;
  const reason = redact(error instanceof Error ? error.message : String(error));
  return problem(kind, `${what}: ${reason}`, { where, next: 'Look at the log of the Redis server.', cause: error });
}
