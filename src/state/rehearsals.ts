import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Actor } from '../core/journal/event.ts';
import type { RehearsalFact } from '../core/plan/facts.ts';
import type { LockReport } from '../core/rehearsal/lock-tally.ts';
import type { OldVersionReport } from '../core/rehearsal/old-version.ts';
import { longestStallMs, type Rehearsal } from '../core/rehearsal/rehearsal.ts';
import type { JsonObject } from '../core/release/json.ts';
import { problem } from '../core/release/problem.ts';
import { holdAdvisoryLock } from './advisory-lock.ts';
import { appendToJournal } from './journal.ts';
import type { Database } from './open-database.ts';
import type { Tables } from './tables.ts';

const FINDINGS_MAX = 40; // an entry of the journal holds 64 KB; whoever has more to mend begins with these
const SENTENCE_MAX = 600;

/** Runs a rehearsal of a project while no other one does; throws `refused` when one does. */
export async function withRehearsalLock<Result>(
  database: Database,
  project: string,
  act: () => Promise<Result>,
): Promise<Result> {
  const lock = await holdAdvisoryLock(database.pool, `rehearsal ${project}`);
  if (lock === null) {
    throw problem('refused', 'another rehearsal of this project runs right now', {
      next: 'Wait for its end, or end it.',
      retry: true,
    });
  }
  try {
    return await act();
  } finally {
    await lock.release();
  }
}

type Begun = Pick<Rehearsal, 'id' | 'service' | 'environment' | 'version'> & { backup: string; store: string };

export async function journalBegun(db: Kysely<Tables>, actor: Actor, begun: Begun): Promise<void> {
  const { id, service, environment, version, backup, store } = begun;
  const data = { rehearsal: id, version, backup, store };
  await db
    .transaction()
    .execute((tx) =>
      appendToJournal(tx, [{ type: 'rehearsal.begun', release: null, service, environment, actor, data }]),
    );
}

/** The evidence: what was tried, on what, and what came of it. */
export async function journalRehearsal(db: Kysely<Tables>, actor: Actor, rehearsal: Rehearsal): Promise<void> {
  const { id, service, environment, version, outcome, ...rest } = rehearsal;
  const facts = { ...rest, ...shortened(rehearsal) } as unknown as JsonObject;
  const data = { ...facts, rehearsal: id, version, outcome };
  await db
    .transaction()
    .execute((tx) =>
      appendToJournal(tx, [{ type: 'rehearsal.finished', release: null, service, environment, actor, data }]),
    );
}

function shortened({ findings, checks, discards, locks, oldVersion }: Rehearsal): Partial<Rehearsal> {
  const cut = (text: string): string => (text.length > SENTENCE_MAX ? `${text.slice(0, SENTENCE_MAX - 1)}…` : text);
  return {
    findings: findings.slice(0, FINDINGS_MAX).map((one) => ({ ...one, sentence: cut(one.sentence) })),
    checks: checks.slice(0, FINDINGS_MAX).map((one) => ({ ...one, sentence: cut(one.sentence) })),
    discards: discards.slice(0, FINDINGS_MAX),
    locks: { up: fewer(locks.up), down: fewer(locks.down) },
    oldVersion: oldVersion === null ? null : fewerStatements(oldVersion, cut),
  };
}

/** Those that failed first: they are what somebody looks for. */
function fewerStatements(report: OldVersionReport, cut: (text: string) => string): OldVersionReport {
  const { started, statements } = report;
  const first = statements.toSorted((a, b) => b.failed - a.failed).slice(0, FINDINGS_MAX);
  return {
    ...report,
    statements: first.map((one) => ({ ...one, fault: one.fault === null ? null : cut(one.fault) })),
    started: started === null ? null : { ...started, sentence: cut(started.sentence) },
  };
}

function fewer(report: LockReport | null): LockReport | null {
  return report === null ? null : { ...report, locks: report.locks.slice(0, FINDINGS_MAX) };
}

/** The newest rehearsal of a version in an environment that came to an end, good or bad. */
export async function lastRehearsal(
  db: Kysely<Tables>,
  place: { service: string; environment: string; version: string },
  nowMs: number,
): Promise<RehearsalFact | null> {
  return newestOf(db, place, sql``, nowMs);
}

/** The newest one of just this migration: a later one of the same version may have found nothing left to do. */
export async function rehearsalOf(
  db: Kysely<Tables>,
  place: { service: string; environment: string; version: string },
  subject: string,
  nowMs: number,
): Promise<RehearsalFact | null> {
  return newestOf(db, place, sql`and (entry::jsonb) -> 'data' ->> 'subject' = ${subject}`, nowMs);
}

async function newestOf(
  db: Kysely<Tables>,
  place: { service: string; environment: string; version: string },
  which: RawBuilder<unknown>,
  nowMs: number,
): Promise<RehearsalFact | null> {
  const { rows } = await sql<{ entry: string }>`
    select entry from shipway.journal
    where type = 'rehearsal.finished' and service = ${place.service} and environment = ${place.environment}
      and (entry::jsonb) -> 'data' ->> 'version' = ${place.version} ${which}
    order by index desc limit 1`.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  const { at, data } = JSON.parse(row.entry) as { at: string; data: Omit<Rehearsal, 'id'> & { rehearsal: string } };
  const against = data.findings.find((one) => one.severity === (data.outcome === 'failed' ? 'failure' : 'unknown'));
  return {
    id: data.rehearsal,
    ageSeconds: Math.max(0, (nowMs - Date.parse(at)) / 1000),
    outcome: data.outcome,
    subject: data.subject,
    revisionBefore: data.revisionBefore,
    tookMs: { up: data.tookMs.up ?? null, down: data.tookMs.down ?? null },
    stallMs: longestStallMs(data.locks),
    fault: against?.sentence ?? null,
    ...(data.discards.length === 0 ? {} : { discards: data.discards }),
  };
}
