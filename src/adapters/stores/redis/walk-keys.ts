import type { RedisConnection } from './connection.ts';

const KEYS_AT_ONCE = 500; // a server does nothing else while it answers: this many take it under a millisecond

/** Names of all keys of one database, page by page; written by others meanwhile, some may come twice or be missed. */
export async function* walkKeys(connection: RedisConnection, database: number): AsyncGenerator<Buffer[]> {
  await connection.call('SELECT', String(database));
  let cursor = '0';
  do {
    const reply = await connection.call('SCAN', cursor, 'COUNT', String(KEYS_AT_ONCE));
    const [next, found] = Array.isArray(reply) ? reply : [];
    yield Array.isArray(found) ? found.filter((key) => Buffer.isBuffer(key)) : [];
    cursor = String(next ?? '0');
  } while (cursor !== '0');
}
