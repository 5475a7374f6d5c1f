import { dirname } from 'node:path';
import { isProblem, problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Maintenance, MaintenanceReport, MaintenanceRequest } from '../maintenance.ts';
import { SCAN_ROWS_MAX } from '../maintenance.ts';
import { requireRoom } from '../require-room.ts';
import { sqliteProblem, withLiveDatabase, withWritingDatabase, type Connection } from './connection.ts';
import { countRows } from './fingerprint.ts';

const FAULTS_MAX = 20; // of a damaged database there may be millions

/** In rollback-journal mode writers wait while a check or a vacuum runs; in WAL mode only while a vacuum writes. */
export function sqliteMaintenance(locate: (effect: Effect) => Promise<string>): Maintenance {
  return {
    acts: ['count', 'check', 'analyze', 'vacuum', 'explain'],
    run: async (request, effect) => {
      const live = await locate(effect);
      try {
        return await run(live, request, effect);
      } catch (error) {
        effect.signal.throwIfAborted();
        const failed = sqliteProblem('check-failed', `${request.act} cannot be done`, live, error);
        if (request.act !== 'explain' || isProblem(error)) throw failed;
        throw problem(failed.kind, failed.message, {
          where: live,
          next: 'Correct --query: one statement that this database can run.',
          cause: error,
        });
      }
    },
  };
}

function run(live: string, request: MaintenanceRequest, effect: Effect): Promise<MaintenanceReport> {
  switch (request.act) {
    case 'count':
      return withLiveDatabase(live, effect, async (database) => ({
        findings: [],
        figures: { rows: await countRows(database) },
      }));
    case 'check':
      return withLiveDatabase(live, effect, check);
    case 'explain':
      return withLiveDatabase(live, effect, (database) => explain(database, request.query ?? ''));
    case 'analyze':
      return withWritingDatabase(live, effect, async (database) => {
        await database.exec('ANALYZE');
        return { findings: [], figures: {} };
      });
    case 'vacuum':
      return vacuum(live, effect);
  }
}

async function check(database: Connection): Promise<MaintenanceReport> {
  const faults = (await database.all(`PRAGMA integrity_check(${FAULTS_MAX})`)).map(([text]) => String(text));
  const orphans = (await database.all('PRAGMA foreign_key_check')).slice(0, FAULTS_MAX);
  const findings = [
    ...faults.filter((text) => text !== 'ok'),
    ...orphans.map(
      ([table, row, parent]) =>
        `row ${String(row)} of ${String(table)} refers to a row of ${String(parent)} that is not there`,
    ),
  ];
  return { findings, figures: { rows: await countRows(database) } };
}

/** SQLite writes the database anew beside itself, and then through its log: twice its size is needed. */
async function vacuum(live: string, effect: Effect): Promise<MaintenanceReport> {
  const bytesBefore = (await factsOf(live))?.bytes ?? 0;
  requireRoom(dirname(live), 2 * bytesBefore, live);
  await withWritingDatabase(live, effect, async (database) => {
    const interrupt = (): void => database.interrupt();
    effect.signal.addEventListener('abort', interrupt, { once: true });
    try {
      await database.exec('VACUUM');
      await database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      effect.signal.removeEventListener('abort', interrupt);
    }
  });
  return { findings: [], figures: { bytesBefore, bytesAfter: (await factsOf(live))?.bytes ?? 0 } };
}

async function explain(database: Connection, query: string): Promise<MaintenanceReport> {
  const lines = (await database.all(`EXPLAIN QUERY PLAN ${query}`)).map((row) => String(row[3]));
  const rows = await countRows(database);
  const findings = lines.flatMap((line) => {
    const table = /^SCAN (\S+)$/.exec(line)?.[1] ?? '';
    const count = rows[table] ?? 0;
    return count > SCAN_ROWS_MAX ? [`reads all ${count} rows of ${table}; an index would help`] : [];
  });
  return { findings, figures: { plan: lines } };
}
