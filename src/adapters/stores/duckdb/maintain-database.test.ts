import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { queryDuckdb, startOwner } from '../../../../test/support/duckdb-owner.ts';
import { storeKinds } from '../index.ts';
import type { MaintenanceAct, MaintenanceReport } from '../maintenance.ts';
import { duckdbSettings } from './settings.ts';

describe('maintenance of a DuckDB database', () => {
  let project: string;
  let live: string;
  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'shipway-maintain-'));
    live = join(project, 'app.duckdb');
    await queryDuckdb(live, 'CREATE TABLE notes AS SELECT range AS id FROM range(5000)');
  });
  afterEach(() => rmSync(project, { recursive: true }));

  const run = async (act: MaintenanceAct, effect = createEffect(project)): Promise<MaintenanceReport | undefined> =>
    storeKinds.duckdb
      .open(duckdbSettings.parse({ path: 'app.duckdb' }), { projectDirectory: project })
      .maintenance?.run({ act, query: null }, effect);

  it('counts the rows, and reads every block of a whole one without a finding', async () => {
    expect(await run('count')).toEqual({ findings: [], figures: { rows: { notes: 5000 } } });
    expect(await run('check')).toEqual({ findings: [], figures: { rows: { notes: 5000 } } });
  });

  it('analyzes and vacuums, and the data stays', async () => {
    await run('analyze');
    expect((await run('vacuum'))?.figures).toMatchObject({ bytesBefore: expect.any(Number) as number });
    expect((await run('count'))?.figures).toEqual({ rows: { notes: 5000 } });
  });

  it('is refused with who holds the file, after a limit', async () => {
    rmSync(live);
    const owner = await startOwner(live);
    let now = 0;
    // Every wait makes five seconds pass: the limit is reached by the clock, not by the test.
    const clock = { speed: 1, nowMs: () => now, sleep: async () => void (now += 5000) };
    try {
      await expect(run('count', createEffect(project, { clock }))).rejects.toMatchObject({
        kind: 'check-failed',
        message: expect.stringMatching(new RegExp(`in use by .*${owner.pid}`)) as string,
      });
    } finally {
      await owner.end();
    }
  });
});
