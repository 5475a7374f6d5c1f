import { text as readAll } from 'node:stream/consumers';
import type { Judgement } from '../app/judge-migrations.ts';
import { countFindings } from '../core/migration/judge-migration.ts';
import { problem } from '../core/release/problem.ts';
import { exitCode } from './exit-codes.ts';
import { migrationLines } from './output/migration-lines.ts';
import { printable } from './output/printable.ts';
import type { Session } from './session.ts';

const LISTED_MAX = 20; // the last of them say where the data is; --json has all

/** The options of `migrate check` as typed. */
export interface CheckOptions {
  version?: string;
  dialect?: string;
  facts?: string;
  transaction?: 'one' | 'none';
  strict?: boolean;
}

export async function check(session: Session, files: string[], given: CheckOptions): Promise<number> {
  const judgements =
    given.version === undefined ? await judgeSql(session, files, given) : await judgeVersion(session, files, given);
  const counts = countFindings(judgements.flatMap((one) => one.findings));
  const isGood = counts.errors === 0 && (given.strict !== true || counts.warnings === 0);
  if (session.screen.isJson) session.screen.json({ good: isGood, ...counts, migrations: judgements });
  else session.screen.lines(migrationLines(session.screen.style, judgements));
  return exitCode(isGood ? 'done' : 'failed');
}

async function judgeSql(session: Session, files: string[], given: CheckOptions): Promise<Judgement[]> {
  if (files.length === 0) {
    throw problem('usage', 'neither SQL files nor a version are named', {
      next: 'Write: shipway migrate check migrations/*.sql, or --version 1.2.3 where the release file has a preview command',
    });
  }
  const { judgeFiles } = await import('../app/judge-migrations.ts');
  const isPiped = files.includes('-');
  return judgeFiles(await session.app(), {
    paths: files.filter((file) => file !== '-'),
    given: isPiped ? [{ name: 'standard input', text: await readAll(session.terminal.stdin) }] : [],
    dialect: given.dialect ?? null,
    factsPath: given.facts ?? null,
    inTransaction: given.transaction === undefined ? null : given.transaction === 'one',
  });
}

async function judgeVersion(session: Session, files: string[], given: CheckOptions): Promise<Judgement[]> {
  if (files.length > 0 || given.dialect !== undefined || given.transaction !== undefined) {
    throw problem('usage', '--version asks the release file, and cannot go with files, --dialect or --transaction', {
      next: 'Leave one of the two out.',
    });
  }
  const { judgePending } = await import('../app/judge-migrations.ts');
  const request = { environment: session.options.env, version: given.version ?? '', factsPath: given.facts ?? null };
  return judgePending(await session.app(), request);
}

export async function status(session: Session, version: string): Promise<number> {
  const { showMigrations } = await import('../app/judge-migrations.ts');
  const { screen, options } = session;
  const found = await showMigrations(await session.app(), { environment: options.env, version });
  if (screen.isJson) screen.json(found);
  else {
    screen.line(`revision of ${found.environment}: ${printable(found.revision ?? 'the tool does not tell')}`);
    screen.lines(migrationList('applied', found.applied));
    screen.lines(migrationList('pending', found.pending));
    screen.lines(
      (found.status ?? '')
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => `  ${printable(line)}`),
    );
  }
  return exitCode('done');
}

/** `pending (2):` and their names; nothing where the tool does not tell them. */
function migrationList(word: string, names: readonly string[] | null): string[] {
  if (names === null) return [];
  const left = names.length - LISTED_MAX;
  const shown = names.slice(-LISTED_MAX).map((name) => `  ${printable(name)}`);
  return [`${word}: ${names.length}`, ...(left > 0 ? [`  ${left} before`] : []), ...shown];
}
