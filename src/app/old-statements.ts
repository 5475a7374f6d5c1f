import { resolve } from 'node:path';
import type { Scratch } from '../adapters/stores/store.ts';
import type { StatementsConfig } from '../core/config/service-config.ts';
import {
  brokenStatement,
  hasParameters,
  judgeTries,
  summarize,
  unfitStatement,
  type OldVersionReport,
  type StatementTries,
  type StatementTry,
} from '../core/rehearsal/old-version.ts';
import type { RehearsalFinding } from '../core/rehearsal/rehearsal.ts';
import { shownSql, splitStatements } from '../core/rehearsal/split-statements.ts';
import { problem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import { readText } from '../platform/files.ts';

const BEFORE_TRIES = 3; // the first also reads the tables from the disk
const STATEMENTS_MAX = 200;

/** Statements of the version before, and what they did before anything was changed. */
export interface OldStatements {
  /** Of the release file. */
  declared: string[];
  /** Of the live server, those that could be planned before; null: it counts none. */
  counted: string[] | null;
  means: StatementsConfig['counted'];
  everyMs: number;
  before: StatementTry[][];
}

/** The statements that the release file gives, in a list or in a file. */
export async function readStatements(
  given: string | string[] | null,
  bindings: { what: 'old' | 'new'; resolve: (text: string) => string; projectDirectory: string },
): Promise<string[]> {
  if (given === null) return [];
  const { what, projectDirectory } = bindings;
  const where = `rehearsal.statements.${what}`;
  const path = typeof given === 'string' ? resolve(projectDirectory, bindings.resolve(given)) : null;
  const text = path === null ? null : await readText(path);
  if (path !== null && text === null) {
    throw problem('refused', `there is no file with the statements of the ${what} version: ${path}`, {
      where,
      next: 'Put it there, one statement after the other, each ended by a semicolon.',
    });
  }
  const statements = (typeof given === 'string' ? [text ?? ''] : given).flatMap(splitStatements);
  const next = 'Write what the version asks of its data, such as SELECT, INSERT or UPDATE, at most 200 of them.';
  for (const one of statements) {
    const unfit = unfitStatement(one);
    if (unfit !== null) throw problem('refused', `"${shownSql(one)}" ${unfit}`, { where, next });
  }
  if (statements.length <= STATEMENTS_MAX) return statements;
  throw problem('refused', `${statements.length} statements are more than can be tried`, { where, next });
}

/** What the statements do before the migration: what fails then tells nothing afterwards. */
export async function tryBefore(
  { statements }: Pick<Scratch, 'statements'>,
  given: { declared: string[]; counted: string[] | null; config: StatementsConfig },
  effect: Effect,
): Promise<OldStatements> {
  const { declared, config } = given;
  const before: StatementTry[][] = runnable(declared).map(() => []);
  for (let tries = 0; tries < BEFORE_TRIES; tries += 1) {
    const done = await statements.attempt(runnable(declared), effect);
    done.forEach((one, index) => before[index]?.push(one));
  }
  const known = config.counted === 'ignore' ? null : given.counted;
  const counted = known === null ? null : await plannable(statements, known, effect);
  return { declared, counted, means: config.counted, everyMs: config.everySeconds * 1000, before };
}

/** Statements with parameters have no values to be run with; they are planned. */
const runnable = (texts: readonly string[]): string[] => texts.filter((text) => !hasParameters(text));

async function plannable(statements: Scratch['statements'], texts: string[], effect: Effect): Promise<string[]> {
  const faults = await statements.plan(texts, effect);
  return texts.filter((_, index) => faults[index] === null);
}

/** Runs the act while the statements are tried at their rate, where the engine lets anybody in meanwhile. */
export async function tryBeside<Result>(
  { statements }: Pick<Scratch, 'statements'>,
  old: OldStatements,
  act: () => Promise<Result>,
  effect: Effect,
): Promise<{ result: Result; tries: StatementTry[][] | null }> {
  const texts = runnable(old.declared);
  if (texts.length === 0 || statements.beside === undefined) return { result: await act(), tries: null };
  return statements.beside({ texts, everyMs: old.everyMs }, act, effect);
}

/** What the statements come to on the new schema. */
export async function tryAfter(
  { statements }: Pick<Scratch, 'statements'>,
  old: OldStatements,
  during: StatementTry[][] | null,
  effect: Effect,
): Promise<{
  findings: RehearsalFinding[];
  report: Pick<OldVersionReport, 'planned' | 'isCounted' | 'statements'>;
  tries: StatementTries[];
}> {
  const texts = runnable(old.declared);
  const after = await statements.attempt(texts, effect);
  const tries = texts.map((text, index): StatementTries => {
    const one = after[index];
    return {
      text,
      before: old.before[index] ?? [],
      during: during?.[index] ?? null,
      after: one === undefined ? [] : [one],
    };
  });
  const withValues = old.declared.filter(hasParameters);
  const planned = [...withValues, ...(old.counted ?? [])];
  const faults = await statements.plan(planned, effect);
  const broken = planned.flatMap((text, index) => {
    const fault = faults[index] ?? null;
    return fault === null ? [] : [{ text, fault, isCounted: index >= withValues.length }];
  });
  const report = {
    planned: { count: planned.length, failed: broken.length },
    isCounted: old.counted !== null,
    statements: [
      ...tries.map(summarize),
      ...broken.map(({ text, fault, isCounted }) => ({
        text: shownSql(text),
        source: isCounted ? ('counted' as const) : ('declared' as const),
        during: 0,
        failed: 1,
        stallMs: null,
        fault: fault.message,
      })),
    ],
  };
  const findings = broken.map(({ text, fault, isCounted }): RehearsalFinding => {
    const found = brokenStatement(shownSql(text), 'can no longer be planned after up', fault);
    return isCounted && old.means === 'warn' ? { ...found, severity: 'warning' } : found;
  });
  return { findings, report, tries };
}

/** What the tries of all declared statements say against the migration. */
export function findingsOf(tries: readonly StatementTries[], stallSecondsMax: number | null): RehearsalFinding[] {
  return tries.flatMap((one) => judgeTries(one, stallSecondsMax));
}

/** Runs the statements of the new version for good; one that fails speaks against the migration. */
export async function performNew(
  { statements }: Pick<Scratch, 'statements'>,
  texts: readonly string[],
  effect: Effect,
): Promise<RehearsalFinding[]> {
  const tries = await statements.perform(texts, effect);
  return tries.flatMap(({ fault }, index): RehearsalFinding[] => {
    if (fault === null) return [];
    const sentence = `${shownSql(texts[index] ?? '')}\nof the new version fails on the schema that up made: ${fault.message}`;
    return [{ severity: 'failure', kind: 'new-breaks', sentence }];
  });
}
