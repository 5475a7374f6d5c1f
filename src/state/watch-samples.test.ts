import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalEvent } from '../core/journal/event.ts';
import { removeServer } from './embedded-postgres.ts';
import { readJournal } from './journal.ts';
import { openDatabase, type Database } from './open-database.ts';
import { keepRound, roundsOf, type StoredRound } from './watch-samples.ts';

let directory: string;
let database: Database;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-rounds-'));
  chmodSync(directory, 0o755);
  database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
});

afterAll(async () => {
  await database.close();
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

function roundAt(atSeconds: number): StoredRound {
  const sample = { atSeconds, probes: [], metrics: null, metricsProblem: null, memoryShare: null };
  return { round: 0, atSeconds, takenAtMs: 0, sample, verdicts: {}, action: null };
}

const said = (at: string): JournalEvent => ({
  type: 'watch.verdict',
  release: 'r-0001',
  service: 'shop',
  environment: 'production',
  actor: { kind: 'executor', id: 'e1' },
  data: { at, verdicts: [] },
});

test('a round that is measured again after a crash keeps its first sample and is journalled once', async () => {
  await keepRound(database.db, 'r-0001', roundAt(0), said('T+0s'));
  await keepRound(database.db, 'r-0001', roundAt(9), said('T+9s'));
  expect((await roundsOf(database.db, 'r-0001')).map((stored) => stored.atSeconds)).toEqual([0]);
  const entries = await readJournal(database.db, { release: 'r-0001', limit: 10 });
  expect(entries.map((entry) => entry.data['at'])).toEqual(['T+0s']);
});

test('what the journal refuses keeps no round either', async () => {
  const wrong = { ...said('T+0s'), type: 'no.such.event' } as unknown as JournalEvent;
  await expect(keepRound(database.db, 'r-0002', roundAt(0), wrong)).rejects.toThrow('no.such.event');
  expect(await roundsOf(database.db, 'r-0002')).toEqual([]);
});
