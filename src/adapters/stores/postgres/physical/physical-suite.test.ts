import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, it } from 'vitest';
import { freePort } from '../../../../../test/support/free-port.ts';
import {
  createTemplate,
  dataOf,
  isRunning,
  physicalSettingsOf,
  queryPhysical,
  removeTemplate,
  rightsOf,
  startPhysical,
  stopPhysical,
  type PhysicalPostgres,
} from '../../../../../test/support/physical-postgres.ts';
import { findPostgres } from '../../../../../test/support/postgres-server.ts';
import { describeStore } from '../../store.suite.ts';
import { postgresSettings } from '../postgres-settings.ts';

const ROWS: Record<string, number> = { old: 50, new: 60, newer: 70 };
const found = findPostgres();

async function write(server: PhysicalPostgres, project: string, word: string): Promise<void> {
  await startPhysical(project, server);
  const known = await queryPhysical<{ name: string }>(
    server,
    'postgres',
    `SELECT FROM pg_database WHERE datname = 'suite'`,
  );
  if (known.length === 0) await queryPhysical(server, 'postgres', 'CREATE DATABASE suite');
  await queryPhysical(
    server,
    'suite',
    `BEGIN; CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, word text NOT NULL); DELETE FROM notes;
     INSERT INTO notes (word) SELECT '${word}' FROM generate_series(1, ${ROWS[word]}); COMMIT`,
  );
}

async function read(server: PhysicalPostgres, project: string): Promise<string | null> {
  if (!isRunning(project)) return null;
  const rows = await queryPhysical<{ word: string; count: string }>(
    server,
    'suite',
    'SELECT word, count(*) FROM notes GROUP BY 1',
  );
  const [row] = rows;
  if (rows.length !== 1 || Number(row?.count) !== ROWS[row?.word ?? ''])
    throw new Error(`mixed: ${JSON.stringify(rows)}`);
  return row?.word ?? null;
}

if ('reason' in found) {
  it.skip(`the suite of stores on the files of a PostgreSQL server: ${found.reason}`, () => undefined);
} else {
  const server = await createTemplate(found.bin, await freePort());
  afterAll(() => removeTemplate(server));
  describeStore({
    kind: 'postgres',
    settings: postgresSettings.parse(physicalSettingsOf(server, 'suite')),
    place: {
      names: (project) => readdirSync(join(project, 'pg')).filter((name) => name !== 'server.log'),
      rights: rightsOf,
      removeLive(project) {
        stopPhysical(project, server);
        rmSync(dataOf(project), { recursive: true });
      },
      empty(project) {
        stopPhysical(project, server);
        rmSync(project, { recursive: true });
        mkdirSync(project);
        chmodSync(project, 0o755);
        mkdirSync(join(project, 'pg'));
      },
    },
    write: (project, word) => write(server, project, word),
    read: (project) => read(server, project),
    copyFile: 'base.tar',
    hasGap: true,
  });
}
