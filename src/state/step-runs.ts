import { sql, type Kysely } from 'kysely';
import { problem, type ProblemRecord } from '../core/release/problem.ts';
import type { JsonObject } from '../core/release/json.ts';
import type { Actor, JournalEvent } from '../core/journal/event.ts';
import { appendToJournal } from './journal.ts';
import { journalledWrite } from './journalled-write.ts';
import type { Database } from './open-database.ts';
import type { ReleaseRow, StepRunRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

const MAX_LINES_PER_STEP = 2000; // a chatty deploy command; the rest is in the command's own log

export interface StepAddress {
  releaseId: string;
  stepId: string;
  service: string;
  environment: string;
  executor: string;
}

export interface BegunStep {
  row: StepRunRow;
  /** True when an earlier attempt was begun and never recorded an end. */
  interrupted: boolean;
}

export interface HowToBegin {
  waitsForDisk: boolean;
  /** The row as read a moment ago, to spare reading it again; a change in between is noticed and refused. */
  known?: StepRunRow | null;
}

/**
 * Intent before deed: counts the attempt up and journals it. The attempt is the fencing counter; whoever holds an older one is refused
 * from then on. A step that is finished already is returned as it is and stays finished. `waitsForDisk` is false for steps that may be
 * repeated without harm: losing their intent to a crash of the database costs nothing.
 */
export async function beginStep(database: Database, address: StepAddress, how: HowToBegin): Promise<BegunStep> {
  const known = how.known ?? (await readStep(database, address));
  if (known.state === 'finished' || known.state === 'skipped') return { row: known, interrupted: false };
  const interrupted = known.state === 'started' || known.state === 'failed';
  const attempt = known.attempt + 1;
  const begun = await journalledWrite<StepRunRow>(
    database.pool,
    {
      name: 'begin step',
      text: `UPDATE shipway.step_run SET state = 'started', attempt = $3, executor = $4, problem = NULL, ruling = NULL,
             started_at = coalesce(started_at, shipway.now_text())
             WHERE release_id = $1 AND step_id = $2 AND attempt = $5 AND state = $6 RETURNING *`,
      values: [address.releaseId, address.stepId, attempt, address.executor, known.attempt, known.state],
      waitsForDisk: how.waitsForDisk,
    },
    event(address, 'step.started', { step: address.stepId, attempt, interrupted }),
  );
  const [row] = begun;
  if (row === undefined) throw staleWorker(address, attempt);
  // A person's word is about the attempt before this one: left in the row, it would speak for this one too when it is cut short.
  return { row: { ...row, ruling: known.ruling }, interrupted };
}

/**
 * Observation after the deed. Refuses a writer whose attempt is not the newest one. It does not wait for the disk: the durable engine
 * writes its own record of the step right after and waits for that, and if both are lost the world is observed again.
 */
export async function finishStep(
  database: Database,
  address: StepAddress,
  attempt: number,
  result: JsonObject,
): Promise<void> {
  const ended = event(address, 'step.finished', { step: address.stepId, attempt, result });
  await endStep(database, address, attempt, {
    state: 'finished',
    column: 'result',
    text: JSON.stringify(result),
    event: ended,
  });
}

export async function failStep(
  database: Database,
  address: StepAddress,
  attempt: number,
  found: ProblemRecord,
): Promise<void> {
  const ended = event(address, 'step.failed', { step: address.stepId, attempt, problem: { ...found } });
  await endStep(database, address, attempt, {
    state: 'failed',
    column: 'problem',
    text: JSON.stringify(found),
    event: ended,
  });
}

/** What the world said about an interrupted attempt. */
export async function recordObservation(db: Kysely<Tables>, address: StepAddress, observed: JsonObject): Promise<void> {
  await db
    .transaction()
    .execute((tx) => appendToJournal(tx, [event(address, 'step.observed', { step: address.stepId, ...observed })]));
}

/**
 * A person's word on a step whose outcome no probe can tell; journalled, and used once by the next attempt. Refused when the step was
 * settled meanwhile: a finished step would be done again.
 */
export async function ruleOnStep(
  db: Kysely<Tables>,
  row: ReleaseRow,
  ruling: { stepId: string; was: 'done' | 'not-done' },
  actor: Actor,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const ruled = await tx
      .updateTable('shipway.step_run')
      .set({ ruling: ruling.was, state: 'started' })
      .where('release_id', '=', row.id)
      .where('step_id', '=', ruling.stepId)
      .where('state', 'in', ['started', 'failed'])
      .returning('step_id')
      .execute();
    if (ruled.length === 0) {
      throw problem('refused', `${ruling.stepId} of ${row.id} is settled already`, {
        next: `Look at it: shipway show ${row.id}`,
      });
    }
    const { service, environment } = row;
    const data = { step: ruling.stepId, ruling: ruling.was };
    await appendToJournal(tx, [{ type: 'step.observed', release: row.id, service, environment, actor, data }]);
  });
}

export async function stepRuns(db: Kysely<Tables>, releaseId: string): Promise<StepRunRow[]> {
  return db
    .selectFrom('shipway.step_run')
    .selectAll()
    .where('release_id', '=', releaseId)
    .orderBy('position')
    .execute();
}

/** One line of progress; bounded per step. Not in the journal: progress is not evidence. */
export async function addStepLine(db: Kysely<Tables>, releaseId: string, stepId: string, line: string): Promise<void> {
  await sql`insert into shipway.step_line (release_id, step_id, at, line)
    select ${releaseId}, ${stepId}, shipway.now_text(), ${line.slice(0, 2000)}
    where (select count(*) from shipway.step_line where release_id = ${releaseId} and step_id = ${stepId}) < ${MAX_LINES_PER_STEP}`.execute(
    db,
  );
}

export async function stepLines(
  db: Kysely<Tables>,
  releaseId: string,
  afterLineNo: string,
): Promise<{ lineNo: string; stepId: string; at: string; line: string }[]> {
  const rows = await db
    .selectFrom('shipway.step_line')
    .selectAll()
    .where('release_id', '=', releaseId)
    .where('line_no', '>', afterLineNo)
    .orderBy('line_no')
    .limit(500)
    .execute();
  return rows.map((row) => ({ lineNo: row.line_no, stepId: row.step_id, at: row.at, line: row.line }));
}

async function readStep(database: Database, address: StepAddress): Promise<StepRunRow> {
  const text = 'SELECT * FROM shipway.step_run WHERE release_id = $1 AND step_id = $2';
  const { rows } = await database.pool.query<StepRunRow>({
    name: 'read step',
    text,
    values: [address.releaseId, address.stepId],
  });
  const [row] = rows;
  if (row !== undefined) return row;
  throw problem('internal', `step ${address.stepId} is not in the plan of ${address.releaseId}`, {
    next: 'Nothing runs that was not planned.',
  });
}

interface StepEnd {
  state: 'finished' | 'failed';
  column: 'result' | 'problem';
  text: string;
  event: JournalEvent;
}

async function endStep(database: Database, address: StepAddress, attempt: number, end: StepEnd): Promise<void> {
  const ended = await journalledWrite(
    database.pool,
    {
      name: `end step ${end.column}`,
      text: `UPDATE shipway.step_run SET state = $4, ${end.column} = $5, finished_at = shipway.now_text(), ruling = NULL
             WHERE release_id = $1 AND step_id = $2 AND attempt = $3 AND state = 'started' RETURNING step_id`,
      values: [address.releaseId, address.stepId, attempt, end.state, end.text],
      waitsForDisk: false,
    },
    end.event,
  );
  if (ended.length === 0) throw staleWorker(address, attempt);
}

function staleWorker(address: StepAddress, attempt: number): Error {
  return problem('stale-worker', `attempt ${attempt} of ${address.stepId} was taken over by another executor`, {
    next: `Look at it: shipway show ${address.releaseId}`,
  });
}

function event(address: StepAddress, type: JournalEvent['type'], data: JsonObject): JournalEvent {
  const { releaseId: release, service, environment, executor } = address;
  return { type, release, service, environment, actor: { kind: 'executor', id: executor }, data } as JournalEvent;
}
