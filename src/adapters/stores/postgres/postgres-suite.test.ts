import { afterAll, describe, it } from 'vitest';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { postgresSettings } from './postgres-settings.ts';
import { describeStore, type StorePlace } from '../store.suite.ts';

const ROWS: Record<string, number> = { old: 50, new: 60, newer: 70 };
const found = findPostgres();

function placeIn(server: TestPostgres): StorePlace {
  const names = async (): Promise<string[]> => (await server.databases()).filter((name) => name.startsWith('suite'));
  const drop = (name: string): Promise<unknown> =>
    server.query('postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  return {
    names,
    removeLive: async () => void (await drop('suite')),
    rights: async () => {
      const [row] = await server.query<{ rights: string }>(
        'postgres',
        `SELECT format('%s %s %s %s', pg_get_userbyid(datdba), datacl, datconnlimit, datallowconn) AS rights
         FROM pg_database WHERE datname = 'suite'`,
      );
      return row?.rights ?? '';
    },
    empty: async () => {
      for (const name of await names()) await drop(name);
    },
  };
}

async function write(server: TestPostgres, word: string): Promise<void> {
  if (!(await server.databases()).includes('suite')) {
    await server.query('postgres', 'CREATE DATABASE suite CONNECTION LIMIT 50');
    await server.query('postgres', 'GRANT CREATE ON DATABASE suite TO pg_monitor WITH GRANT OPTION');
  }
  await server.query(
    'suite',
    `BEGIN; CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, word text NOT NULL); DELETE FROM notes;
     INSERT INTO notes (word) SELECT '${word}' FROM generate_series(1, ${ROWS[word]}); COMMIT`,
  );
}

async function read(server: TestPostgres): Promise<string | null> {
  try {
    const rows = await server.query<{ word: string; count: string }>(
      'suite',
      'SELECT word, count(*) FROM notes GROUP BY 1',
    );
    const [row] = rows;
    if (rows.length !== 1 || Number(row?.count) !== ROWS[row?.word ?? ''])
      throw new Error(`mixed: ${JSON.stringify(rows)}`);
    return row?.word ?? null;
  } catch (error) {
    if (errorCode(error) === '3D000') return null;
    throw error;
  }
}

if ('reason' in found) {
  it.skip(`the suite of stores on PostgreSQL: ${found.reason}`, () => undefined);
} else {
  const server = await startPostgres(found.bin);
  afterAll(() => server.stop());
  describe('over TCP with a password', () => {
    describeStore({
      kind: 'postgres',
      settings: postgresSettings.parse({ url: server.url('suite') }),
      place: placeIn(server),
      write: (_project, word) => write(server, word),
      read: () => read(server),
      touchStaged: async (_project, place) =>
        void (await server.query(place, `UPDATE notes SET word = word WHERE id = (SELECT min(id) FROM notes)`)),
      copyFile: 'database.dump',
      hasGap: false,
      isAtomic: true,
    });
  });
}
