import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JournalEvent } from '../core/journal/event.ts';
import { isProblem } from '../core/release/problem.ts';
import { registerSecret } from '../platform/redact.ts';
import { removeServer } from './embedded-postgres.ts';
import { appendToJournal, journalHead, readJournal, verifyJournal } from './journal.ts';
import { openDatabase } from './open-database.ts';
import type { Database } from './open-database.ts';

let directory: string;
let database: Database;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-journal-'));
  chmodSync(directory, 0o755);
  database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
});

afterAll(async () => {
  await database.close();
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

beforeEach(async () => {
  await attack(
    `TRUNCATE shipway.journal; UPDATE shipway.journal_head SET index = 0, hash = sha256('shipway journal 1'::bytea)`,
  );
});

/** What somebody with all rights on the database can do: the triggers do not hold him up. */
async function attack(statements: string): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query(`BEGIN; SET LOCAL session_replication_role = replica; ${statements}; COMMIT`);
  } finally {
    client.release();
  }
}

function started(step: string, release = 'r-0001'): JournalEvent {
  return {
    type: 'step.started',
    release,
    service: 'shop',
    environment: 'production',
    actor: { kind: 'executor', id: 'e1' },
    data: { step, attempt: 1, interrupted: false },
  };
}

function append(...events: JournalEvent[]): ReturnType<typeof appendToJournal> {
  return database.db.transaction().execute((tx) => appendToJournal(tx, events));
}

async function appendTen(): Promise<void> {
  for (let index = 1; index <= 10; index += 1) await append(started(`step-${index}`));
}

const REHASH = (from: number): string => `DO $$
  DECLARE row record; previous bytea;
  BEGIN
    SELECT coalesce((SELECT hash FROM shipway.journal WHERE index < ${from} ORDER BY index DESC LIMIT 1), sha256('shipway journal 1'::bytea)) INTO previous;
    FOR row IN SELECT * FROM shipway.journal WHERE index >= ${from} ORDER BY index LOOP
      UPDATE shipway.journal SET previous_hash = previous, hash = sha256(previous || convert_to(entry, 'UTF8')),
        leaf_hash = sha256('\\x00'::bytea || convert_to(entry, 'UTF8')) WHERE index = row.index;
      previous := sha256(previous || convert_to(row.entry, 'UTF8'));
    END LOOP;
    UPDATE shipway.journal_head SET index = (SELECT max(index) FROM shipway.journal), hash = previous;
  END $$`;
const EDIT = `UPDATE shipway.journal SET entry = replace(entry, 'step-5', 'step-X') WHERE index = 5`;
const EDIT_TIME = `UPDATE shipway.journal SET entry = regexp_replace(entry, '"at":"....', '"at":"2019') WHERE index = 5`;
const REHASH_ROW = `UPDATE shipway.journal SET hash = sha256(previous_hash || convert_to(entry, 'UTF8')),
  leaf_hash = sha256('\\x00'::bytea || convert_to(entry, 'UTF8')) WHERE index = 5`;
const DELETE = `DELETE FROM shipway.journal WHERE index = 5`;
const RENUMBER = `UPDATE shipway.journal SET index = index + 999 WHERE index > 5; UPDATE shipway.journal SET index = index - 1000 WHERE index > 5`;
const RENUMBER_INSIDE = `UPDATE shipway.journal SET entry = replace(entry, '"index":' || (index + 1), '"index":' || index) WHERE index >= 5`;
const CUT = `DELETE FROM shipway.journal WHERE index > 6`;
const RESET_HEAD = `UPDATE shipway.journal_head SET (index, hash) = (SELECT index, hash FROM shipway.journal ORDER BY index DESC LIMIT 1)`;
const EXCHANGE = `UPDATE shipway.journal SET index = 999 WHERE index = 5; UPDATE shipway.journal SET index = 5 WHERE index = 6;
  UPDATE shipway.journal SET index = 6 WHERE index = 999`;
const MAKE_ROOM = `UPDATE shipway.journal SET index = index + 1000 WHERE index >= 5; UPDATE shipway.journal SET index = index - 999 WHERE index > 1000`;
const INSERT = `${MAKE_ROOM}; INSERT INTO shipway.journal SELECT 5, release, type, service, environment, replace(entry, '"index":4', '"index":5'),
  hash, sha256(hash || convert_to(replace(entry, '"index":4', '"index":5'), 'UTF8')), leaf_hash FROM shipway.journal WHERE index = 4`;

describe('verifyJournal', () => {
  test.each([
    ['A1 an edited entry', EDIT, 5, 'edited'],
    ['A1 an edited time', EDIT_TIME, 5, 'edited'],
    ['A2 an edited entry with its own hash', `${EDIT}; ${REHASH_ROW}`, 5, 'edited'],
    ['A6 a deleted entry', DELETE, 5, 'deleted'],
    ['A6 a deleted entry, the rest renumbered', `${DELETE}; ${RENUMBER}`, 5, 'deleted'],
    ['A8 the newest entries cut off', CUT, 7, 'truncated'],
    ['A12 two exchanged entries', EXCHANGE, 5, 'reordered'],
    ['A13 two exchanged entries, all hashed again', `${EXCHANGE}; ${REHASH(5)}`, 5, 'reordered'],
    ['an inserted entry', INSERT, 5, 'inserted'],
    ['an edited column beside the entry', `UPDATE shipway.journal SET release = 'r-0666' WHERE index = 5`, 5, 'edited'],
    ['an emptied journal', 'DELETE FROM shipway.journal', 1, 'truncated'],
  ])('names the first bad entry and the cause for %s', async (_, statements, index, cause) => {
    await appendTen();
    await attack(statements);
    const result = await verifyJournal(database.db);
    expect(result).toMatchObject({ valid: false, first_error: { index, cause } });
  });

  test.each([
    ['A3 an edited entry, all hashed again', `${EDIT}; ${REHASH(5)}`, 8, 'edited'],
    [
      'A7 a deleted entry, renumbered inside, all hashed again',
      `${DELETE}; ${RENUMBER}; ${RENUMBER_INSIDE}; ${REHASH(5)}`,
      8,
      'edited',
    ],
    ['A8 the newest entries cut off with the head', `${CUT}; ${RESET_HEAD}`, 7, 'truncated'],
  ])('is fooled by %s, says so, and is not with an anchor', async (_, statements, index, cause) => {
    await appendTen();
    const [eighth] = (await database.pool.query<{ hash: Buffer }>('SELECT hash FROM shipway.journal WHERE index = 8'))
      .rows;
    await attack(statements);
    const bare = await verifyJournal(database.db);
    expect(bare.valid).toBe(true);
    expect(bare.assurance).toContain('give an anchor kept outside the database');
    const anchors = [{ index: 8, hash: eighth?.hash.toString('hex') ?? '' }];
    const anchored = await verifyJournal(database.db, { anchors });
    expect(anchored).toMatchObject({ valid: false, first_error: { index, cause } });
  });

  test('A10 sees with an anchor that an older copy was put back, also when it was continued', async () => {
    await appendTen();
    await attack(
      'CREATE TABLE shipway.copy AS TABLE shipway.journal; CREATE TABLE shipway.copy_head AS TABLE shipway.journal_head',
    );
    await append(started('step-11'), started('step-12'));
    const anchor = await journalHead(database.db);
    await attack(`TRUNCATE shipway.journal; INSERT INTO shipway.journal TABLE shipway.copy; UPDATE shipway.journal_head h SET index = c.index, hash = c.hash
      FROM shipway.copy_head c; DROP TABLE shipway.copy, shipway.copy_head`);
    const anchors = anchor === null ? [] : [anchor];
    expect(await verifyJournal(database.db)).toMatchObject({ valid: true, total_entries: 10 });
    expect(await verifyJournal(database.db, { anchors })).toMatchObject({
      first_error: { index: 11, cause: 'truncated' },
    });
    await append(started('other-11'), started('other-12'));
    expect(await verifyJournal(database.db, { anchors })).toMatchObject({
      first_error: { index: 12, cause: 'edited' },
    });
  });

  test('reads more entries than fit on a page', async () => {
    for (let batch = 0; batch < 9; batch += 1) {
      await append(...Array.from({ length: 500 }, (_, step) => started(`step-${batch}-${step}`)));
    }
    expect(await verifyJournal(database.db)).toMatchObject({ valid: true, total_entries: 4500 });
    await attack(`UPDATE shipway.journal SET entry = replace(entry, 'shop', 'shap') WHERE index = 4001`);
    expect(await verifyJournal(database.db)).toMatchObject({
      total_entries: 4500,
      first_error: { index: 4001, cause: 'edited' },
    });
  });

  test('finds nothing while others are appending', async () => {
    let isDone = false;
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isDone) await append(started('busy'));
      }),
    );
    for (let round = 0; round < 20; round += 1) expect((await verifyJournal(database.db)).first_error).toBeNull();
    isDone = true;
    await writing;
  });
});

describe('appendToJournal', () => {
  test('16 concurrent writers make one chain without gaps', async () => {
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let count = 0; count < 20; count += 1)
        await append(started(`w${writer}-${count}`), started(`w${writer}-${count}b`));
    });
    await Promise.all(writers);
    expect(await verifyJournal(database.db)).toMatchObject({ valid: true, total_entries: 640 });
    const { rows } = await database.pool.query<{ links: string }>(
      'SELECT count(DISTINCT previous_hash) AS links FROM shipway.journal',
    );
    expect(rows[0]?.links).toBe('640');
  });

  test('writers whose connection is killed leave neither gap nor fork', async () => {
    let failed = 0;
    const writers = Array.from({ length: 8 }, async () => {
      for (let count = 0; count < 25; count += 1) await append(started('killed')).catch(() => (failed += 1));
    });
    const killing = (async () => {
      for (let count = 0; count < 40; count += 1) {
        await database.pool
          .query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND state = 'idle in transaction' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1`,
          )
          .catch(() => undefined);
      }
    })();
    await Promise.all([...writers, killing]);
    expect(failed).toBeGreaterThan(0);
    expect(await verifyJournal(database.db)).toMatchObject({ valid: true, total_entries: 200 - failed });
  });

  test('an entry is there if and only if the transaction it belongs to is', async () => {
    const rolledBack = database.db.transaction().execute(async (tx) => {
      await appendToJournal(tx, [started('never')]);
      throw new Error('the change failed');
    });
    await expect(rolledBack).rejects.toThrow('the change failed');
    await append(started('first'));
    const entries = await readJournal(database.db, { limit: 10 });
    expect(entries.map((entry) => [entry.index, entry.data['step']])).toEqual([[1, 'first']]);
  });

  test('the time is text from the database that survives unchanged and never runs backwards', async () => {
    await attack(`ALTER FUNCTION shipway.now_text() RENAME TO true_now_text;
      CREATE FUNCTION shipway.now_text() RETURNS text LANGUAGE sql AS $$ SELECT '2026-11-21T01:02:03.123456789Z' $$`);
    const appended = append(started('a'));
    await appended.catch(() => undefined);
    await attack('DROP FUNCTION shipway.now_text(); ALTER FUNCTION shipway.true_now_text() RENAME TO now_text');
    const [written] = await appended;
    const [read] = await readJournal(database.db, { limit: 1 });
    expect([written?.at, read?.at]).toEqual(['2026-11-21T01:02:03.123456789Z', '2026-11-21T01:02:03.123456789Z']);
    await attack('DELETE FROM shipway.journal; UPDATE shipway.journal_head SET index = 0');
    await Promise.all(Array.from({ length: 30 }, () => append(started('b'))));
    const times = (await readJournal(database.db, { limit: 100 })).map((entry) => entry.at);
    expect(times).toEqual(times.toSorted());
  });

  test('secrets never reach the table, in whatever field or form', async () => {
    registerSecret('SENTINEL', 'hunter2-sentinel-value');
    const base64 = Buffer.from('hunter2-sentinel-value').toString('base64');
    const data = { 'hunter2-sentinel-value': 1, nested: { list: ['a hunter2-sentinel-value b', base64] } };
    await append({
      ...started('x'),
      type: 'step.observed',
      actor: { kind: 'person', id: 'hunter2-sentinel-value' },
      data: { step: 'x', ...data },
    });
    const { rows } = await database.pool.query<{ text: string }>('SELECT journal::text AS text FROM shipway.journal');
    expect(rows[0]?.text).not.toContain('hunter2');
    expect(rows[0]?.text).not.toContain(base64);
    expect((await verifyJournal(database.db)).valid).toBe(true);
  });

  test('a character cut in half by a program is replaced, and a NUL is kept', async () => {
    const [entry] = await append({
      ...started('x'),
      type: 'step.observed',
      data: { step: 'x', tail: 'cut \ud83d', nul: 'a\u0000b' },
    });
    expect(entry?.data).toEqual({ step: 'x', tail: 'cut \u{fffd}', nul: 'a\u0000b' });
    expect((await verifyJournal(database.db)).valid).toBe(true);
  });

  test.each([
    [
      'an unknown type',
      { ...started('x'), type: 'step.guessed' } as unknown as JournalEvent,
      /no event type "step.guessed"/,
    ],
    [
      '64 KiB',
      {
        ...started('x'),
        type: 'step.finished',
        data: { step: 'x', attempt: 1, result: 'x'.repeat(65_536) },
      } as JournalEvent,
      /65\d\d\d bytes/,
    ],
  ])('%s is refused, and nothing is written', async (_, event, message) => {
    const error: unknown = await append(started('good'), event).catch((thrown: unknown) => thrown);
    expect(isProblem(error) && [error.kind, error.message]).toEqual(['internal', expect.stringMatching(message)]);
    expect(await journalHead(database.db)).toBeNull();
  });

  test.each([
    'UPDATE shipway.journal SET type = type',
    'DELETE FROM shipway.journal',
    'DELETE FROM shipway.journal WHERE false',
    'TRUNCATE shipway.journal',
    'DELETE FROM shipway.journal_head',
    'TRUNCATE shipway.journal_head',
    'UPDATE shipway.journal_head SET index = 0',
    `INSERT INTO shipway.journal_head (one, index, hash) VALUES (false, 1, sha256(''))`,
  ])('the database refuses: %s', async (statement) => {
    await append(started('a'));
    await expect(database.pool.query(statement)).rejects.toThrow(/append-only|only grows|journal_head_one_check/);
  });
});

describe('readJournal', () => {
  test('gives one release page by page, oldest first', async () => {
    for (let step = 1; step <= 3; step += 1)
      await append(started(`a-${step}`, 'r-0001'), started(`b-${step}`, 'r-0002'));
    const first = await readJournal(database.db, { release: 'r-0002', limit: 2 });
    const second = await readJournal(database.db, { release: 'r-0002', after: first.at(-1)?.index ?? 0, limit: 2 });
    expect([...first, ...second].map((entry) => entry.data['step'])).toEqual(['b-1', 'b-2', 'b-3']);
    expect(second).toHaveLength(1);
  });

  test('the head is number and hash of the newest entry', async () => {
    expect(await journalHead(database.db)).toBeNull();
    await append(started('a'), started('b'));
    const { rows } = await sql<{
      hash: string;
    }>`SELECT encode(hash, 'hex') AS hash FROM shipway.journal WHERE index = 2`.execute(database.db);
    expect(await journalHead(database.db)).toEqual({ index: 2, hash: rows[0]?.hash });
  });
});
