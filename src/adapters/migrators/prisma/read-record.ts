import { createHash } from 'node:crypto';
import type { MigrationFile } from './migration-files.ts';

/** A row of the table in which Prisma keeps what it ran. */
export interface RecordRow {
  name: string;
  checksum: string;
  isFinished: boolean;
  isRolledBack: boolean;
  /** Whether Prisma has written down an error of the database: then the server has ended the script, and it is not only unknown how it ended. */
  hasError: boolean;
}

const MARK = 'shipway-looks ';

/**
 * Prisma has no command that prints its table, and `migrate status` takes a migration that was rolled back for one that is applied. So
 * `db execute` runs one statement that cannot succeed, and the error of the database says what is in the table. Nothing is changed.
 */
export const LOOK_SQL = `SELECT CAST('${MARK}' || coalesce((SELECT json_agg(json_build_array(migration_name, checksum, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, coalesce(logs, '') <> '') ORDER BY started_at)::text FROM "_prisma_migrations"), '[]') AS integer)\n`;

/** The rows in what the failed look printed, oldest first; null when it is not its answer. */
export function readRecord(output: string): RecordRow[] | null {
  const found = new RegExp(`${MARK}(\\[[\\s\\S]*\\])"`).exec(output)?.[1];
  if (found === undefined) return hasNoTable(output) ? [] : null;
  try {
    const rows = JSON.parse(found) as [string, string, boolean, boolean, boolean][];
    return rows.map(([name, checksum, isFinished, isRolledBack, hasError]) => {
      return { name, checksum, isFinished, isRolledBack, hasError };
    });
  } catch {
    return null;
  }
}

/** Before the first migration there is no table. */
function hasNoTable(output: string): boolean {
  return /_prisma_migrations["`\\]* does not exist/.test(output);
}

/** What is applied, what waits and what hangs between the two, each oldest first. */
export interface PrismaState {
  applied: string[];
  failed: RecordRow[];
  pending: MigrationFile[];
  /** Applied, and other in the folder than what was run. */
  edited: string[];
}

export function stateOf(rows: readonly RecordRow[], files: readonly MigrationFile[]): PrismaState {
  const done = rows.filter((row) => row.isFinished && !row.isRolledBack);
  const applied = [...new Set(done.map((row) => row.name))].toSorted();
  const failed = rows.filter((row) => !row.isFinished && !row.isRolledBack);
  const checksums = new Map(done.map((row) => [row.name, row.checksum]));
  return {
    applied,
    failed,
    pending: files.filter((file) => !checksums.has(file.name) && failed.every((row) => row.name !== file.name)),
    edited: files
      .filter((file) => checksums.has(file.name) && !matches(file.sql, checksums.get(file.name)))
      .map((file) => file.name),
  };
}

/** Prisma takes line ends of another system for the same. */
function matches(sql: string, checksum: string | undefined): boolean {
  const sums = [sql, sql.replaceAll('\r\n', '\n'), sql.replaceAll(/\r?\n/g, '\r\n')].map((text) =>
    createHash('sha256').update(text, 'utf8').digest('hex'),
  );
  return checksum !== undefined && sums.includes(checksum);
}

/** The revision: the last migration that is applied, and what hangs. */
export function revisionOf({ applied, failed }: PrismaState, empty: string): string {
  const last = applied.at(-1) ?? empty;
  return failed.length === 0 ? last : `${last}, failed: ${failed.map((row) => row.name).join(' ')}`;
}
