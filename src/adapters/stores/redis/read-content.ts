import { createHash } from 'node:crypto';
import type { RedisConnection, Reply } from './connection.ts';
import { addReply, hashValue, MODULUS } from './hash-value.ts';
import { readKeyspace } from './server-info.ts';
import { count, countersOf, newCounts, type KeyCounts } from './count-keys.ts';
import { walkKeys } from './walk-keys.ts';

const AT_ONCE = 16; // keys read side by side: enough to hide the way to the server, few enough to stay small
const MINUTE_MS = 60_000;

/** Keys that end in the same minute, as one line of the description. */
export interface ExpiringKeys {
  database: number;
  /** Minutes since 1970 in which they end. */
  minute: number;
  keys: number;
  sum: string;
}

export interface Content {
  /** Of the whole copy, whatever the time. */
  counters: Record<string, number>;
  /** Digest of keys that stay until somebody deletes them, and of functions. */
  lasting: string;
  /** Keys that had not yet ended; sorted by database and minute. */
  expiring: ExpiringKeys[];
}

/** Reads every key of a copy that nobody changes, in bounded memory; docs/formats/backup-manifest.md has the exact form. */
export async function readContent(connection: RedisConnection): Promise<Content> {
  const hash = createHash('sha256');
  const counters: Record<string, number> = {};
  const expiring: ExpiringKeys[] = [];
  for (const line of await functionLines(connection)) hash.update(line);
  for (const { database, keys, expiring: mayEnd } of await readKeyspace(connection)) {
    const found = await readDatabase(connection, database);
    if (found.lasting !== keys - mayEnd)
      throw new Error(`${found.lasting} of ${keys - mayEnd} lasting keys of database ${database} were read`);
    counters[`db${database} keys`] = keys;
    counters[`db${database} keys with an end`] = mayEnd;
    Object.assign(counters, countersOf(database, found));
    hash.update(`db ${database} ${found.lasting} ${hex(found.sum)}\n`);
    expiring.push(...found.expiring);
  }
  return { counters, lasting: hash.digest('hex'), expiring };
}

interface DatabaseContent extends KeyCounts {
  sum: bigint;
  expiring: ExpiringKeys[];
}

async function readDatabase(connection: RedisConnection, database: number): Promise<DatabaseContent> {
  const counts = newCounts();
  const minutes = new Map<number, { keys: number; sum: bigint }>();
  let total = 0n;
  for await (const page of walkKeys(connection, database)) {
    for (let at = 0; at < page.length; at += AT_ONCE) {
      const hashed = await Promise.all(page.slice(at, at + AT_ONCE).map((key) => hashKey(connection, key)));
      for (const found of hashed) {
        if (found === null) continue;
        const { key, type, endsAtMs, digest } = found;
        if (endsAtMs === null) {
          total = (total + digest) % MODULUS;
          count(counts, key, type);
          continue;
        }
        const minute = Math.floor(endsAtMs / MINUTE_MS);
        const known = minutes.get(minute) ?? { keys: 0, sum: 0n };
        minutes.set(minute, { keys: known.keys + 1, sum: (known.sum + digest) % MODULUS });
      }
    }
  }
  const expiring = [...minutes]
    .sort(([left], [right]) => left - right)
    .map(([minute, { keys, sum }]) => ({ database, minute, keys, sum: hex(sum) }));
  return { ...counts, sum: total, expiring };
}

interface HashedKey {
  key: Buffer;
  type: string;
  /** Milliseconds since 1970; null for a key that stays. */
  endsAtMs: number | null;
  digest: bigint;
}

/** Null for a key that ended a moment ago. */
async function hashKey(connection: RedisConnection, key: Buffer): Promise<HashedKey | null> {
  const [kind, endsAt, bytes] = await Promise.all([
    connection.call('TYPE', key),
    connection.call('PEXPIRETIME', key),
    connection.call('MEMORY', 'USAGE', key),
  ]);
  const type = String(kind);
  const endsAtMs = Number(endsAt) < 0 ? null : Number(endsAt);
  if (type === 'none' || Number(endsAt) === -2) return null;
  const value = await hashValue(connection, { key, type, bytes: Number(bytes ?? 0) });
  const hash = createHash('sha256');
  addReply(hash, key);
  hash.update(endsAtMs === null ? '-' : String(endsAtMs)).update(value);
  return { key, type, endsAtMs, digest: BigInt(`0x${hash.digest('hex')}`) };
}

/** Libraries of functions are data of the server too; servers before 7 have none. */
async function functionLines(connection: RedisConnection): Promise<string[]> {
  const reply = await connection.call('FUNCTION', 'LIST', 'WITHCODE');
  const lines = (Array.isArray(reply) ? reply : []).map((library: Reply) => {
    const fields = Array.isArray(library) ? library : [];
    const code = fields[fields.findIndex((field) => String(field) === 'library_code') + 1] ?? null;
    const hash = createHash('sha256');
    addReply(hash, code);
    return `function ${hash.digest('hex')}\n`;
  });
  return lines.sort();
}

function hex(sum: bigint): string {
  return sum.toString(16).padStart(64, '0');
}
