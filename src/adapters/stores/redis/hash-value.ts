import { createHash, type Hash } from 'node:crypto';
import type { RedisConnection, Reply } from './connection.ts';

/** A key of one type, and how large it is. */
export interface KeyFacts {
  key: Buffer;
  type: string;
  /** Memory it takes, roughly. */
  bytes: number;
}

export const MODULUS = 1n << 256n;
const PIECE_BYTES = 4 * 1024 * 1024; // read at once; with 16 keys at a time 64 MiB
const ELEMENTS_AT_ONCE = 1000;
const ELEMENT_FLOOR_BYTES = 16; // no element takes less

/** SHA-256 of a key's type and content: the same for equal content, in whatever order a set or hash lists it and however it is packed. */
export async function hashValue(connection: RedisConnection, { key, type, bytes }: KeyFacts): Promise<Buffer> {
  const hash = createHash('sha256').update(`${type}\0`);
  switch (type) {
    case 'string':
      await hashString(connection, key, hash);
      break;
    case 'list':
      await hashPages(
        connection,
        (from, to) => ['LRANGE', key, from, to],
        pageOf(bytes, await size(connection, 'LLEN', key)),
        hash,
      );
      break;
    case 'zset':
      await hashPages(
        connection,
        (from, to) => ['ZRANGE', key, from, to, 'WITHSCORES'],
        pageOf(bytes, await size(connection, 'ZCARD', key)),
        hash,
      );
      break;
    case 'set':
      await hashUnordered(connection, { scan: 'SSCAN', length: 'SCARD', width: 1 }, { key, type, bytes }, hash);
      break;
    case 'hash':
      await hashUnordered(connection, { scan: 'HSCAN', length: 'HLEN', width: 2 }, { key, type, bytes }, hash);
      break;
    case 'stream':
      await hashStream(connection, key, hash);
      break;
    default:
      addReply(hash, await connection.call('DUMP', key)); // of a module, which alone knows what is in it
  }
  return hash.digest();
}

async function size(connection: RedisConnection, command: string, key: Buffer): Promise<number> {
  return Number(await connection.call(command, key));
}

function pageOf(bytes: number, elements: number): { elements: number; page: number } {
  const width = Math.max(ELEMENT_FLOOR_BYTES, bytes / Math.max(1, elements));
  return { elements, page: Math.max(1, Math.min(ELEMENTS_AT_ONCE, Math.floor(PIECE_BYTES / width))) };
}

async function hashString(connection: RedisConnection, key: Buffer, hash: Hash): Promise<void> {
  const length = await size(connection, 'STRLEN', key);
  for (let from = 0; from < length; from += PIECE_BYTES) {
    const piece = await connection.call('GETRANGE', key, String(from), String(from + PIECE_BYTES - 1));
    if (Buffer.isBuffer(piece)) hash.update(piece);
  }
}

async function hashPages(
  connection: RedisConnection,
  words: (from: string, to: string) => (string | Buffer)[],
  { elements, page }: { elements: number; page: number },
  hash: Hash,
): Promise<void> {
  for (let from = 0; from < elements; from += page) {
    const reply = await connection.call(...words(String(from), String(from + page - 1)));
    for (const element of Array.isArray(reply) ? reply : []) addReply(hash, element);
  }
}

interface Walk {
  scan: 'SSCAN' | 'HSCAN';
  length: 'SCARD' | 'HLEN';
  /** Answers that make one element. */
  width: 1 | 2;
}

/** A sum over the elements. A walk gives each once while nothing moves them, and nothing does in our server; that is checked by count. */
async function hashUnordered(
  connection: RedisConnection,
  { scan, length, width }: Walk,
  { key, bytes }: KeyFacts,
  hash: Hash,
): Promise<void> {
  const { elements, page } = pageOf(bytes, await size(connection, length, key));
  let sum = 0n;
  let seen = 0;
  let cursor = '0';
  do {
    const reply = await connection.call(scan, key, cursor, 'COUNT', String(page));
    const [next, found] = Array.isArray(reply) ? reply : [];
    const list = Array.isArray(found) ? found : [];
    for (let at = 0; at < list.length; at += width) {
      const element = createHash('sha256');
      for (const part of list.slice(at, at + width)) addReply(element, part);
      sum = (sum + BigInt(`0x${element.digest('hex')}`)) % MODULUS;
      seen += 1;
    }
    cursor = String(next ?? '0');
  } while (cursor !== '0');
  if (seen !== elements) throw new Error(`${scan} gave ${seen} elements of ${elements}`);
  hash.update(`${elements} ${sum.toString(16)}`);
}

/** Entries, ids that were given out, groups, and what each consumer has not confirmed. How long ago it was delivered is left out. */
async function hashStream(connection: RedisConnection, key: Buffer, hash: Hash): Promise<void> {
  for (let from = '-'; ;) {
    const entries = await listOf(connection.call('XRANGE', key, from, '+', 'COUNT', String(ELEMENTS_AT_ONCE)));
    for (const entry of entries) addReply(hash, entry);
    const last = entries.at(-1);
    if (entries.length < ELEMENTS_AT_ONCE || !Array.isArray(last)) break;
    from = `(${String(last[0])}`;
  }
  const stream = pairsOf(await connection.call('XINFO', 'STREAM', key));
  for (const name of ['last-generated-id', 'max-deleted-entry-id', 'entries-added'])
    addReply(hash, stream.get(name) ?? null);
  for (const reply of await listOf(connection.call('XINFO', 'GROUPS', key))) {
    const group = pairsOf(reply);
    const name = group.get('name');
    if (!Buffer.isBuffer(name)) continue;
    for (const fact of ['name', 'last-delivered-id', 'pending']) addReply(hash, group.get(fact) ?? null);
    await hashPending(connection, key, name, hash);
  }
}

async function hashPending(connection: RedisConnection, key: Buffer, group: Buffer, hash: Hash): Promise<void> {
  for (let from = '-'; ;) {
    const entries = await listOf(connection.call('XPENDING', key, group, from, '+', String(ELEMENTS_AT_ONCE)));
    for (const entry of entries) {
      const [id, consumer, , deliveries] = Array.isArray(entry) ? entry : [];
      for (const part of [id, consumer, deliveries]) addReply(hash, part ?? null);
    }
    const last = entries.at(-1);
    if (entries.length < ELEMENTS_AT_ONCE || !Array.isArray(last)) return;
    from = `(${String(last[0])}`;
  }
}

async function listOf(reply: Promise<Reply>): Promise<Reply[]> {
  const list = await reply;
  return Array.isArray(list) ? list : [];
}

function pairsOf(reply: Reply): Map<string, Reply> {
  const list = Array.isArray(reply) ? reply : [];
  const pairs = new Map<string, Reply>();
  for (let at = 0; at + 1 < list.length; at += 2) pairs.set(String(list[at]), list[at + 1] ?? null);
  return pairs;
}

/** Every answer begins with what it is and how long, so that no two different ones give the same bytes. */
export function addReply(hash: Hash, reply: Reply): void {
  if (Array.isArray(reply)) {
    hash.update(`*${reply.length}\n`);
    for (const inner of reply) addReply(hash, inner);
  } else if (Buffer.isBuffer(reply)) hash.update(`$${reply.length}\n`).update(reply);
  else hash.update(`:${String(reply)}\n`);
}
