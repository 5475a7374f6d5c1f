import { columnRemarks } from './rules-of-columns.ts';
import { dataRemarks } from './rules-of-data.ts';
import { downRemarks } from './rules-of-down.ts';
import { lockRemarks, lockTimeoutRemark } from './rules-of-locks.ts';
import { nameRemarks } from './rules-of-names.ts';
import { canStopHalfWay, enumRemarks, repeatRemark, transactionRemarks } from './rules-of-repeating.ts';
import type { Finding, Migration, MigrationFacts } from './migration.ts';
import { advance, beginProgress } from './progress.ts';
import { RULES } from './rule-list.ts';
import type { Remark, Scene } from './scene.ts';
import type { Deed, Statement } from './statement.ts';

/**
 * Judges one migration: may it run while the version before serves, and can it be taken back? Pure. What could not be judged is a
 * finding of its own, so that no finding always means: all of it was judged.
 */
export function judgeMigration(migration: Migration, facts: MigrationFacts): Finding[] {
  const isWrapped = migration.inTransaction === true;
  const scene: Scene = { migration, facts, progress: beginProgress(isWrapped, facts.lockTimeoutMs) };
  const findings: Finding[] = [];
  const halfWay = canStopHalfWay(scene);
  let isTimeoutSaid = false;
  for (const statement of migration.up) {
    for (const deed of statement.deeds) {
      const remarks = remarksOn(deed, scene);
      const timeout = isTimeoutSaid ? null : lockTimeoutRemark(deed, scene);
      if (timeout !== null) {
        remarks.push(timeout);
        isTimeoutSaid = true; // once is enough: the cure stands before the first
      }
      const repeat = halfWay ? repeatRemark(deed, scene) : null;
      if (repeat !== null) remarks.push(repeat);
      findings.push(...remarks.map((remark) => findingOf(migration, { direction: 'up', statement, remark })));
      advance(scene.progress, deed);
    }
  }
  findings.push(...downRemarks(migration, facts).map((one) => findingOf(migration, one)), ...unjudgedDown(migration));
  return once(findings);
}

function remarksOn(deed: Deed, scene: Scene): Remark[] {
  if (deed.kind === 'opaque') return [notJudged(deed.why)];
  return [
    ...columnRemarks(deed, scene),
    ...nameRemarks(deed, scene),
    ...lockRemarks(deed, scene),
    ...dataRemarks(deed, scene),
    ...enumRemarks(deed, scene),
    ...transactionRemarks(deed, scene),
  ];
}

function notJudged(why: string): Remark {
  const safeWay =
    '-- write the statement itself, so that it can be read before it runs; or say why it is safe:\n-- shipway: allow not-judged WHY';
  return { rule: 'not-judged', why, safeWay };
}

function unjudgedDown(migration: Migration): Finding[] {
  if (migration.down === null || migration.down === 'unseen') return [];
  return migration.down.flatMap((statement) =>
    statement.deeds.flatMap((deed) =>
      deed.kind === 'opaque'
        ? [findingOf(migration, { direction: 'down', statement, remark: notJudged(deed.why) })]
        : [],
    ),
  );
}

interface Found {
  direction: 'up' | 'down';
  statement: Statement | null;
  remark: Remark;
}

function findingOf(migration: Migration, { direction, statement, remark }: Found): Finding {
  const { rule, why, safeWay } = remark;
  return {
    rule,
    severity: remark.severity ?? RULES[rule].severity,
    name: migration.name,
    direction,
    line: statement?.line ?? 1,
    statement: statement?.text ?? '',
    why,
    safeWay,
    allowed: statement === null ? allowedAnywhere(migration, rule) : allowance(statement.remarks, rule),
  };
}

/** `allow <rule> <reason>` in a comment before the statement; without a reason it counts for nothing. */
function allowance(remarks: readonly string[], rule: string): string | null {
  for (const remark of remarks) {
    const [, name, reason] = /^allow\s+([\w-]+)[\s:,]+(\S.*)$/.exec(remark) ?? [];
    if (name === rule && reason !== undefined) return reason.trim();
  }
  return null;
}

function allowedAnywhere(migration: Migration, rule: string): string | null {
  for (const { remarks } of migration.up) {
    const reason = allowance(remarks, rule);
    if (reason !== null) return reason;
  }
  return null;
}

/** One statement with several deeds of a kind (a rewrite by two columns) is one finding for each rule and text. */
function once(findings: Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter((one) => {
    const key = [one.rule, one.direction, one.line, one.why].join('\n');
    return seen.has(key) ? false : seen.add(key) !== undefined;
  });
}

/** Counts by what they mean for a release; what was allowed with a reason stops nothing. */
export function countFindings(findings: readonly Finding[]): {
  errors: number;
  warnings: number;
  notes: number;
  allowed: number;
} {
  const open = findings.filter((one) => one.allowed === null);
  const of = (severity: Finding['severity']): number => open.filter((one) => one.severity === severity).length;
  return { errors: of('error'), warnings: of('warning'), notes: of('note'), allowed: findings.length - open.length };
}
