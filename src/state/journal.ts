import { sql } from 'kysely';
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Anchor } from '../core/journal/anchor.ts';
import { chainHash, leafHash } from '../core/journal/chain-hash.ts';
import type { ChainRow } from '../core/journal/diagnose-row.ts';
import { entryText, splitEntry } from '../core/journal/entry.ts';
import type { JournalEntry } from '../core/journal/entry.ts';
import { explainEvent } from '../core/journal/event.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import { verifyChain } from '../core/journal/verify-chain.ts';
import type { Verification } from '../core/journal/verify-chain.ts';
import type { Json } from '../core/release/json.ts';
import { problem } from '../core/release/problem.ts';
import { redact } from '../platform/redact.ts';
import type { JournalTable } from './journal-tables.ts';
import type { Tables } from './tables.ts';

const ENTRY_BYTES_MAX = 65_535; // what a tile of a C2SP transparency log holds; larger things are kept elsewhere and named by digest
const EVENTS_MAX = 500; // in one call; a transition of state makes at most a handful
const PAGE = 2000; // rows per query while verifying: larger pages were no faster
const READ_LIMIT_MAX = 1000;

interface Head {
  index: number;
  hash: string;
}

/**
 * Appends what happened, inside the caller's transaction: it is written if and only if the change it describes is. Appenders queue here until
 * the transaction ends, so call it last and commit at once. Secrets known to redact() are masked. Returns the entries as stored.
 */
export async function appendToJournal(
  tx: Transaction<Tables>,
  events: readonly JournalEvent[],
): Promise<JournalEntry[]> {
  if (events.length === 0) return [];
  if (events.length > EVENTS_MAX)
    throw internal(`${events.length} events at once`, `Append at most ${EVENTS_MAX} events at once.`);
  const { head, at } = await lockHead(tx);
  const rows = chainedRows(head, at, events);
  await tx.insertInto('shipway.journal').values(rows).execute();
  const last = rows.at(-1);
  if (last !== undefined)
    await tx.updateTable('shipway.journal_head').set({ index: last.index, hash: last.hash }).execute();
  return rows.map((row) => JSON.parse(row.entry) as JournalEntry);
}

/** The rows of the next entries, chained to the head; the caller holds the head's lock until they are committed. */
function chainedRows(head: Head, at: string, events: readonly JournalEvent[]): JournalTable[] {
  let previous = head;
  return events.map((event) => {
    const entry = { index: previous.index + 1, at, ...masked(event) };
    const row = rowOf(entry, previous.hash);
    previous = { index: entry.index, hash: row.hash.toString('hex') };
    return row;
  });
}

/** The canonical text of an event's entry in three pieces, masked: time and index, known only under the head's lock, go between them. */
export function entryPieces(event: JournalEvent): [string, string, string] {
  const pieces = splitEntry(masked(event));
  const bytes = Buffer.byteLength(pieces.join('')) + 64; // time and index
  if (bytes > ENTRY_BYTES_MAX) throw tooLarge(event.type, bytes);
  return pieces;
}

async function lockHead(tx: Transaction<Tables>): Promise<{ head: Head; at: string }> {
  // The time is read after the lock is ours, which only the WITH ensures: otherwise an entry could be older than the one before it.
  const { rows } = await sql<{ index: string; hash: Buffer; at: string }>`
    WITH head AS (SELECT index, hash FROM shipway.journal_head FOR UPDATE)
    SELECT index, hash, shipway.now_text() AS at FROM head`.execute(tx);
  const row = rows[0];
  if (row === undefined) {
    throw problem('tampering', 'the journal has lost its head', {
      where: 'shipway.journal_head',
      next: 'Run shipway verify.',
    });
  }
  return { head: { index: Number(row.index), hash: row.hash.toString('hex') }, at: row.at };
}

function masked(event: JournalEvent): Omit<JournalEntry, 'index' | 'at'> {
  const fault = explainEvent(event);
  if (fault !== null)
    throw internal(`event ${event.type}: ${fault}`, 'Correct the event or its line in core/journal/event.ts.');
  const { type, release, service, environment, actor } = event;
  return {
    type,
    release,
    service,
    environment,
    actor: { kind: actor.kind, id: clean(actor.id) },
    data: cleanObject(event.data),
  };
}

function cleanObject(object: object): { [key: string]: Json } {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([, value]) => value !== undefined) // an optional field that is absent
      .map(([name, value]) => [clean(name), cleanJson(value as Json)]),
  );
}

function cleanJson(value: Json): Json {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map(cleanJson);
  return typeof value === 'object' && value !== null ? cleanObject(value) : value;
}

/** Masks secrets, and replaces half characters that a cut through a program's output leaves: they have no UTF-8 form. */
function clean(text: string): string {
  return redact(text).replace(/\p{Surrogate}/gu, '\u{fffd}');
}

function rowOf(entry: JournalEntry, previousHash: string): JournalTable {
  const text = entryText(entry);
  const bytes = Buffer.byteLength(text);
  if (bytes > ENTRY_BYTES_MAX) throw tooLarge(entry.type, bytes);
  return {
    index: String(entry.index),
    release: entry.release,
    type: entry.type,
    service: entry.service,
    environment: entry.environment,
    entry: text,
    previous_hash: Buffer.from(previousHash, 'hex'),
    hash: Buffer.from(chainHash(previousHash, text), 'hex'),
    leaf_hash: Buffer.from(leafHash(text), 'hex'),
  };
}

function tooLarge(type: string, bytes: number): Error {
  return internal(
    `event ${type} has ${bytes} bytes`,
    `Keep it under ${ENTRY_BYTES_MAX}: store the rest elsewhere and name its digest.`,
  );
}

function internal(what: string, next: string): Error {
  return problem('internal', `the journal does not take ${what}`, { where: 'shipway.journal', next });
}

export interface ReadRequest {
  /** Only entries of this release. */
  release?: string;
  /** Only entries behind this one; 0 for all. */
  after?: number;
  /** At most 1000. */
  limit: number;
}

/** A page of entries, oldest first. */
export async function readJournal(db: Kysely<Tables>, request: ReadRequest): Promise<JournalEntry[]> {
  let query = db
    .selectFrom('shipway.journal')
    .select('entry')
    .where('index', '>', String(request.after ?? 0))
    .orderBy('index')
    .limit(Math.min(request.limit, READ_LIMIT_MAX));
  if (request.release !== undefined) query = query.where('release', '=', request.release);
  const rows = await query.execute();
  return rows.map((row) => JSON.parse(row.entry) as JournalEntry);
}

/** Number and hash of the newest entry, to be kept outside the database as an anchor; null while the journal is empty. */
export async function journalHead(db: Kysely<Tables>): Promise<Anchor | null> {
  const row = await db.selectFrom('shipway.journal_head').select(['index', 'hash']).executeTakeFirst();
  return row === undefined || row.index === '0' ? null : { index: Number(row.index), hash: row.hash.toString('hex') };
}

/** Checks the whole journal against itself, against what the database knows of its end, and against anchors from outside. */
export async function verifyJournal(
  db: Kysely<Tables>,
  options: { anchors?: readonly Anchor[] } = {},
): Promise<Verification> {
  // One snapshot, so that entries appended meanwhile do not look like entries the head does not know of.
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => {
      const row = await tx.selectFrom('shipway.journal_head').select(['index', 'hash']).executeTakeFirst();
      const head = row === undefined ? null : { index: Number(row.index), hash: row.hash.toString('hex') };
      return verifyChain(pages(tx), { head, anchors: options.anchors ?? [] });
    });
}

async function* pages(tx: Transaction<Tables>): AsyncGenerator<ChainRow> {
  let after = '-9223372036854775808'; // below every number, also those a forger might use
  for (;;) {
    const rows = await tx
      .selectFrom('shipway.journal')
      .selectAll()
      .where('index', '>', after)
      .orderBy('index')
      .limit(PAGE)
      .execute();
    for (const row of rows) yield chainRowOf(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.index;
  }
}

function chainRowOf(row: Selectable<JournalTable>): ChainRow {
  const { release, type, service, environment } = row;
  return {
    index: Number(row.index),
    previousHash: row.previous_hash.toString('hex'),
    hash: row.hash.toString('hex'),
    leafHash: row.leaf_hash.toString('hex'),
    entry: row.entry,
    columns: { release, type, service, environment },
  };
}
