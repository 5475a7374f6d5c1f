import { assertNever } from '../release/assert-never.ts';
import { formatDuration } from '../plan/format-duration.ts';
import type { RehearsalFinding } from './finding.ts';
import { shownSql } from './split-statements.ts';

/** Why a database refused a statement, in words that are the same for every engine. */
export interface StatementFault {
  kind: 'missing' | 'missing-value' | 'rejected' | 'other-type' | 'other';
  /** As the database says it. */
  message: string;
}

/** One try of one statement. */
export interface StatementTry {
  ms: number;
  fault: StatementFault | null;
}

/** What a statement of the version before did on the copy. */
export interface TriedStatement {
  /** On one line, shortened. */
  text: string;
  /** `declared` in the release file, or `counted` by the live server. */
  source: 'declared' | 'counted';
  /** Tries while `up` ran. */
  during: number;
  /** Tries that failed, while `up` ran and after it. */
  failed: number;
  /** The longest that a try took beyond what it took before; null where nobody could try while `up` ran. */
  stallMs: number | null;
  /** The first that was said. */
  fault: string | null;
}

/** How the version before got on with the schema of the new one; kept with the evidence of a rehearsal. */
export interface OldVersionReport {
  version: string | null;
  /** Statements that were only planned (PREPARE) and those that no longer can be; null: the engine was not asked. */
  planned: { count: number; failed: number } | null;
  /** Whether the live server counts statements, so that those it has seen were planned too. */
  isCounted: boolean;
  statements: TriedStatement[];
  /** The version itself on the migrated copy; null: it was not started. */
  started: { outcome: string; sentence: string } | null;
}

export interface StatementTries {
  text: string;
  before: readonly StatementTry[];
  /** null: the engine lets nobody in while a migration runs, or nobody tried. */
  during: readonly StatementTry[] | null;
  after: readonly StatementTry[];
}

const STALL_TOLD_MS = 250; // from here on somebody at a screen feels it

/** What the tries of one declared statement come to. */
export function summarize({ text, before, during, after }: StatementTries): TriedStatement {
  const usualMs = Math.max(0, ...before.map((one) => one.ms));
  const slowestMs = Math.max(0, ...(during ?? []).map((one) => one.ms));
  const faults = [...(during ?? []), ...after].flatMap((one) => (one.fault === null ? [] : [one.fault.message]));
  return {
    text: shownSql(text),
    source: 'declared',
    during: during?.length ?? 0,
    failed: faults.length,
    stallMs: during === null ? null : Math.max(0, Math.round(slowestMs - usualMs)),
    fault: faults[0] ?? null,
  };
}

/** What speaks against the migration in the tries of one declared statement. */
export function judgeTries(tries: StatementTries, stallSecondsMax: number | null): RehearsalFinding[] {
  const known = tries.before.find((one) => one.fault !== null)?.fault ?? null;
  const shown = shownSql(tries.text);
  if (known !== null) {
    const sentence = `${shown}\nfails before the migration too: ${known.message}; so it tells nothing. Correct it under rehearsal: statements: old`;
    return [{ severity: 'unknown', kind: 'old-unknown', sentence }];
  }
  return [...judgeFaults(tries, shown), ...judgeStall(summarize(tries), stallSecondsMax)];
}

function judgeFaults({ during, after }: StatementTries, shown: string): RehearsalFinding[] {
  const later = after.find((one) => one.fault !== null)?.fault ?? null;
  const meanwhile = (during ?? []).filter((one) => one.fault !== null);
  const fault = later ?? meanwhile[0]?.fault ?? null;
  if (fault === null) return [];
  const when =
    later === null
      ? `failed ${meanwhile.length} of ${during?.length ?? 0} times while up ran, and works after it`
      : 'fails after up';
  return [brokenStatement(shown, when, fault)];
}

/** A statement that the version before needs and the new schema refuses. */
export function brokenStatement(shown: string, when: string, fault: StatementFault): RehearsalFinding {
  const sentence = `${shown}\n${when}: ${fault.message}\nsafe way: ${safeWay(fault.kind)}`;
  return { severity: 'failure', kind: 'old-breaks', sentence };
}

function judgeStall({ text, stallMs }: TriedStatement, stallSecondsMax: number | null): RehearsalFinding[] {
  const maxMs = stallSecondsMax === null ? null : stallSecondsMax * 1000;
  if (stallMs === null || stallMs <= (maxMs ?? STALL_TOLD_MS)) return [];
  const most = maxMs === null ? '' : `, at most ${formatDuration(maxMs / 1000)} is allowed`;
  const way =
    'CREATE INDEX CONCURRENTLY; constraints NOT VALID and validated later; rows filled in batches; and a lock_timeout';
  const sentence = `${text}\nwaited ${formatDuration(stallMs / 1000)} while up ran${most}\nsafe way: ${way}`;
  return [{ severity: maxMs === null ? 'warning' : 'failure', kind: 'old-stalls', sentence }];
}

function safeWay(kind: StatementFault['kind']): string {
  switch (kind) {
    case 'missing':
      return 'add the new name beside the old one and fill both; take the old one away in a later release, when no version that runs uses it';
    case 'missing-value':
      return 'give the column a DEFAULT, or leave it nullable until every version that runs writes it';
    case 'rejected':
      return 'let the rule accept what the version before writes, and tighten it in a later release';
    case 'other-type':
      return 'add a column of the new type beside the old one and fill both; change over in a later release';
    case 'other':
      return 'leave the schema usable for the version before, and take away what it needs in a later release';
    default:
      return assertNever(kind);
  }
}

const NO_STATEMENT = /^(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare|deallocate|set|reset)\b/i;

/** Why a text cannot be tried as a statement of a version; null when it can. */
export function unfitStatement(text: string): string | null {
  return NO_STATEMENT.test(text) ? 'begins, ends or changes the transaction in which it is tried' : null;
}

/** Whether it has parameters, so that it can be planned and not run. */
export function hasParameters(text: string): boolean {
  return /\$\d/.test(text.replace(/'(?:[^']|'')*'/g, ''));
}
