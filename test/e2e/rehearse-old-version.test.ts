import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Rehearsal } from '../../src/core/rehearsal/rehearsal.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
const LIMIT_MS = 600_000; // a dozen commands one after the other, on a machine that does other things too
const PATIENT = { limitSeconds: 300 };
const ENVIRONMENT = `    env-file: .env
    migrate:
      command:
        up: [node, ${TOOL}, up]
        down: [node, ${TOOL}, down, $REVISION]
        revision: [node, ${TOOL}, revision]
        env: { DATABASE_PATH: app.db }
    scratch: { env: { DATABASE_PATH: $SCRATCH_DATABASE_PATH }, without: [data] }
    rehearsal:
      required: false
      env: { DATABASE_PATH: $SCRATCH_PATH }
      statements:
        old: ['SELECT word FROM t', "INSERT INTO t (word) VALUES ('old')"]
        new: releases/$VERSION/new.sql`;

let project: ServiceProject;

beforeAll(async () => {
  project = await createServiceProject({
    top: 'stores: { data: { files: { paths: [data] } }, database: { sqlite: { path: app.db } } }',
    component: '            env: { DATABASE_PATH: ../../app.db }',
    watch: '',
    verify: '      - Words: { get: $PUBLIC/words, expect: { status: 200 } }',
    environment: ENVIRONMENT,
  });
  project.write('.env', `PUBLIC=http://127.0.0.1:${project.port}\n`);
  project.write('data/a.txt', 'a');
  project.write('releases/1.1.0/new.sql', "INSERT INTO t (word) VALUES ('new'), ('newer');");
  project.write('migrations/1.up.sql', 'SELECT 1');
  const database = new Database(join(project.directory, 'app.db'));
  database.exec(`CREATE TABLE t(word); INSERT INTO t VALUES ('a'); CREATE TABLE schema_version (n INTEGER);
    INSERT INTO schema_version VALUES (1)`);
  database.close();
  project.addVersion('1.0.0', 'reads-sqlite');
  said(0, await project.release('1.0.0', [], PATIENT));
}, LIMIT_MS);
afterAll(() => project.remove());

async function rehearse(code: number, up: string, down: string): Promise<{ found: Rehearsal; printed: string }> {
  project.write('migrations/2.up.sql', up);
  project.write('migrations/2.down.sql', down);
  said(0, await project.shipway(['backup', 'create'], PATIENT));
  const printed = said(code, await project.shipway(['rehearse', '1.1.0'], PATIENT));
  const [row] = await project.rows<{ data: Rehearsal }>(
    `select (entry::jsonb) -> 'data' as data from shipway.journal where type = 'rehearsal.finished' order by index desc limit 1`,
  );
  if (row === undefined) throw new Error('no rehearsal is in the journal');
  for (const folder of ['.shipway/scratch/starts', '.shipway/rehearsals']) {
    const path = join(project.directory, folder);
    expect(existsSync(path) ? readdirSync(path) : []).toEqual([]);
  }
  expect(await project.publicVersion()).toBe('1.0.0');
  return { found: row.data, printed };
}

test(
  'the version that runs is started on the migrated copy and serves; its statements work; what down loses is counted',
  async () => {
    const { found, printed } = await rehearse(
      0,
      'ALTER TABLE t ADD COLUMN note TEXT',
      "DELETE FROM t WHERE word LIKE 'new%'; ALTER TABLE t DROP COLUMN note",
    );
    expect(found.oldVersion).toMatchObject({ version: '1.0.0', started: { outcome: 'pass' } });
    expect(printed).toContain('old 1.0.0  2 statements tried after up: none failed');
    expect(found.discards).toEqual([{ name: 'table t', count: 2, unit: 'rows' }]);
    expect(printed).toContain('warning discards: down throws away table t: 2 rows');
  },
  LIMIT_MS,
);

test(
  'a renamed column fails the rehearsal: the statement with what SQLite says, and the version with what it answered',
  async () => {
    project.write('releases/1.1.0/new.sql', "INSERT INTO t (term) VALUES ('new');");
    const { found, printed } = await rehearse(
      1,
      'ALTER TABLE t RENAME COLUMN word TO term',
      'ALTER TABLE t RENAME COLUMN term TO word',
    );
    const broken = found.findings.filter((one) => one.kind === 'old-breaks').map((one) => one.sentence);
    expect(broken[0]).toMatch(/^SELECT word FROM t\nfails after up: no such column: word\nsafe way: add the new name/);
    expect(broken.at(-1)).toMatch(
      /^1\.0\.0 does not serve on the migrated copy: Words: GET \/words 500[\s\S]*no such column: word[\s\S]*safe way:/,
    );
    expect(printed).toContain('old 1.0.0');
    expect(printed).toContain('FAILED');
    expect(found.oldVersion?.started?.outcome).toBe('fail');
  },
  LIMIT_MS,
);
