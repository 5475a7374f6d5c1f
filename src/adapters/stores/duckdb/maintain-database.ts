import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Maintenance, MaintenanceReport, MaintenanceRequest } from '../maintenance.ts';
import { duckdbProblem, withDatabase, withinLockLimit, type OpenMode } from './connection.ts';
import { readContent } from './fingerprint.ts';

/** Only while nobody holds the file: DuckDB lets in one process. Its plans name no index worth a finding, so `explain` is not offered. */
export function duckdbMaintenance(locate: (effect: Effect) => Promise<string>): Maintenance {
  return {
    acts: ['count', 'check', 'analyze', 'vacuum'],
    run: async (request, effect) => {
      const live = await locate(effect);
      const refuse = (holder: string): Error =>
        problem('check-failed', `the database is in use by ${holder}`, {
          where: live,
          next: 'DuckDB lets in one process: stop the service, or let it do this itself.',
          retry: true,
        });
      try {
        return await withinLockLimit(effect, () => run(live, request, effect), refuse);
      } catch (error) {
        effect.signal.throwIfAborted();
        throw duckdbProblem('check-failed', `${request.act} cannot be done`, live, error);
      }
    },
  };
}

async function run(live: string, { act }: MaintenanceRequest, effect: Effect): Promise<MaintenanceReport> {
  const within = <Result>(mode: OpenMode, use: Parameters<typeof withDatabase<Result>>[3]): Promise<Result> =>
    withDatabase(live, mode, effect.signal, use);
  if (act === 'count' || act === 'check') {
    // DuckDB compares the checksum of every block it reads, and has no other check.
    const { counters } = await within('reading', readContent);
    return { findings: [], figures: { rows: counters } };
  }
  const bytesBefore = await sizeOf(live);
  await within('own', (database) => database.exec(act === 'analyze' ? 'ANALYZE' : 'VACUUM; CHECKPOINT'));
  return { findings: [], figures: act === 'analyze' ? {} : { bytesBefore, bytesAfter: await sizeOf(live) } };
}

async function sizeOf(path: string): Promise<number> {
  return (await factsOf(path))?.bytes ?? 0;
}
