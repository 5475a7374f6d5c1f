import type { DialectName, Statement } from './statement.ts';
import type { Migration } from './migration.ts';

/** The two directions of one file, each with the other's lines left blank, so that line numbers stay. */
export interface ScriptParts {
  up: string;
  down: string | null;
  /** What the file itself says about its transaction; null when it says nothing. */
  inTransaction: boolean | null;
  irreversible: string | null;
}

// The marks of dbmate, goose, sql-migrate and of plain files that follow them.
const UP = /^\s*--\s*(?:(?:migrate:up|\+goose\s+up|\+migrate\s+up)\b.*|(?:@?up:?)\s*)$/i;
const DOWN = /^\s*--\s*(?:(?:migrate:down|\+goose\s+down|\+migrate\s+down)\b.*|(?:@?down:?)\s*)$/i;
// These tools run each migration in one transaction unless the file says otherwise.
const WRAPPED = /^\s*--\s*(?:migrate:up|\+goose\s+up|\+migrate\s+up)\b/i;
const WITHOUT_TRANSACTION = /^\s*--\s*\+(?:goose\s+no\s+transaction)\b|\bnotransaction\b|transaction:\s*false/i;
const IRREVERSIBLE = /^\s*--\s*shipway:\s*irreversible[\s:,]+(\S.*)$/i;

/** Splits a file at its marks. A file without marks goes up only. */
export function readScript(text: string): ScriptParts {
  const lines = text.split('\n');
  const isMarked =
    lines.some((line) => DOWN.test(line)) ||
    lines.some((line) => /^\s*--\s*(?:migrate:up|\+goose|\+migrate)/i.test(line));
  const up: string[] = [];
  const down: string[] = [];
  let direction: 'up' | 'down' = 'up';
  let hasDown = false;
  for (const line of lines) {
    if (isMarked && UP.test(line)) direction = 'up';
    else if (isMarked && DOWN.test(line)) {
      direction = 'down';
      hasDown = true;
    }
    up.push(direction === 'up' ? line : '');
    down.push(direction === 'down' ? line : '');
  }
  const reason = lines.map((line) => IRREVERSIBLE.exec(line)?.[1]?.trim()).find((found) => found !== undefined);
  return {
    up: up.join('\n'),
    down: hasDown ? down.join('\n') : null,
    inTransaction: transactionSaid(lines),
    irreversible: reason ?? null,
  };
}

function transactionSaid(lines: readonly string[]): boolean | null {
  const comments = lines.filter((line) => line.trimStart().startsWith('--'));
  if (comments.some((line) => WITHOUT_TRANSACTION.test(line))) return false;
  return comments.some((line) => WRAPPED.test(line)) ? true : null;
}

/** The text of `-- shipway: …` comments. */
export function shipwayRemarks(comments: string): string[] {
  return [...comments.matchAll(/--\s*shipway:\s*(.+)$/gim)].map(([, text = '']) => text.trim());
}

const TEXT_LENGTH_MAX = 200; // fits on two lines of a terminal; a statement with data in it may have megabytes

/** A statement as it is shown: on one line, shortened. */
export function shownStatement(text: string): string {
  const line = text
    .replaceAll(/--[^\n]*/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return line.length <= TEXT_LENGTH_MAX ? line : `${line.slice(0, TEXT_LENGTH_MAX - 1)}…`;
}

export interface ScriptSource {
  name: string;
  dialect: DialectName;
  text: string;
  /** SQL of the way down from another file; `unseen` when the tool has one that is not shown. */
  down: { sql: string } | 'unseen' | null;
  inTransaction: boolean | null;
  read: (sql: string) => Promise<Statement[]>;
}

/** One migration from its SQL. */
export async function migrationOf({
  name,
  dialect,
  text,
  down,
  inTransaction,
  read,
}: ScriptSource): Promise<Migration> {
  const parts = readScript(text);
  const below = parts.down === null ? down : { sql: parts.down };
  return {
    name,
    dialect,
    up: await read(parts.up),
    down: below === null || below === 'unseen' ? below : await read(below.sql),
    irreversible: parts.irreversible,
    inTransaction: parts.inTransaction ?? inTransaction,
  };
}
