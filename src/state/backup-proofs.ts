import { sql, type Kysely, type Selectable } from 'kysely';
import type { DrillRecord } from '../core/backup/drill.ts';
import type { ProofRun } from '../core/backup/proof-run.ts';
import type { Actor, JournalEvent } from '../core/journal/event.ts';
import { randomId } from '../platform/ids.ts';
import type { Place } from './backup-record.ts';
import { appendToJournal } from './journal.ts';
import type { BackupProofTable } from './proof-tables.ts';
import type { Tables } from './tables.ts';

const ROWS_MAX = 5000; // a drill a day of ten stores for over a year; older ones prove nothing any more

/** Keeps what a look at a backup found, and journals it, in one transaction. The time of it is the database's. */
export async function keepProof(
  db: Kysely<Tables>,
  { service, environment }: Place,
  found: Omit<ProofRun, 'at'>,
): Promise<void> {
  if (found.stores.length === 0) return;
  const { backup, level, by, release, tool, isComplete } = found;
  const actor: Actor = by === null ? { kind: 'system', id: 'backups' } : { kind: 'person', id: by };
  const events = found.stores.map(({ store, outcome, fault, seconds }): JournalEvent => ({
    type: 'backup.proven',
    release,
    service,
    environment,
    actor,
    data: { backup, store, level, outcome, fault, seconds: Math.round(seconds * 1000) / 1000, tool },
  }));
  const run = randomId();
  const frame = {
    run,
    service,
    environment,
    backup,
    level,
    person: by,
    release_id: release,
    tool,
    complete: isComplete,
  };
  const rows = found.stores.map(({ store, outcome, fault, seconds, checked, notChecked }) => ({
    ...frame,
    store,
    outcome,
    fault,
    seconds,
    checked: JSON.stringify(checked),
    not_checked: JSON.stringify(notChecked),
  }));
  await db.transaction().execute(async (tx) => {
    await tx.insertInto('shipway.backup_proof').values(rows).execute();
    await appendToJournal(tx, events);
  });
}

/** Looks at the backups of a place, oldest first. */
export async function proofRuns(db: Kysely<Tables>, { service, environment }: Place): Promise<ProofRun[]> {
  const rows = await db
    .selectFrom('shipway.backup_proof')
    .selectAll()
    .where('service', '=', service)
    .where('environment', '=', environment)
    .orderBy('number', 'desc')
    .limit(ROWS_MAX)
    .execute();
  const runs = new Map<string, ProofRun>();
  for (const row of rows.toReversed()) {
    const run = runs.get(row.run) ?? runOf(row);
    run.stores.push(storeOf(row));
    runs.set(row.run, run);
  }
  return [...runs.values()];
}

function runOf(row: Selectable<BackupProofTable>): ProofRun {
  const { backup, level, at, person, release_id, tool, complete } = row;
  return { backup, level, at, by: person, release: release_id, tool, isComplete: complete, stores: [] };
}

function storeOf(row: Selectable<BackupProofTable>): ProofRun['stores'][number] {
  const { store, outcome, fault, seconds, checked, not_checked } = row;
  const texts = (text: string): string[] => JSON.parse(text) as string[];
  return { store, outcome, fault, seconds, checked: texts(checked), notChecked: texts(not_checked) };
}

/** What this memory tells about the drills of a place. */
export async function drillRecord(
  db: Kysely<Tables>,
  place: Place,
): Promise<Pick<DrillRecord, 'runs' | 'firstBackupAt'>> {
  const [runs, firstAt] = await Promise.all([proofRuns(db, place), firstBackupAt(db, place)]);
  return { runs, firstBackupAt: firstAt };
}

/** When the first backup of a place was sealed, as the journal has it; null when there was none. */
async function firstBackupAt(db: Kysely<Tables>, { service, environment }: Place): Promise<string | null> {
  const { rows } = await sql<{ at: string }>`
    select (entry::jsonb) ->> 'at' as at from shipway.journal
    where type = 'backup.sealed' and service = ${service} and environment = ${environment} order by index limit 1`.execute(
    db,
  );
  return rows[0]?.at ?? null;
}
