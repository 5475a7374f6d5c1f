import { join } from 'node:path';
import type { Atomicity } from '../../../core/release/lock-manners.ts';
import { problem } from '../../../core/release/problem.ts';
import { listDirectory, readText } from '../../../platform/files.ts';

/** One folder of `prisma/migrations`. */
export interface MigrationFile {
  name: string;
  sql: string;
  /** What `down.sql` beside it says; null: there is none. */
  down: string | null;
}

/** In the order in which Prisma runs them: by name. */
export async function readMigrations(folder: string): Promise<MigrationFile[]> {
  const files: MigrationFile[] = [];
  for (const name of listDirectory(folder).toSorted()) {
    const sql = await readText(join(folder, name, 'migration.sql')).catch(() => null);
    if (sql === null) continue;
    if (!/^[\w.-]+$/.test(name)) throw strangeName(folder, name);
    files.push({ name, sql, down: await readText(join(folder, name, 'down.sql')) });
  }
  return files;
}

function strangeName(folder: string, name: string): Error {
  return problem('migration-failed', `the migration "${name}" has a name that Prisma does not make`, {
    where: folder,
    next: 'Use letters, digits, _, - and . in the names of the folders.',
  });
}

/** The scripts one after the other, each closed, so that what follows never becomes part of it. */
export function joinScripts(scripts: readonly { name: string; file: string; sql: string }[]): string {
  return scripts
    .map(({ name, file, sql }) => `-- ${name}/${file}\n${sql.trimEnd()}${/;\s*$/.test(sql) ? '' : '\n;'}\n`)
    .join('\n');
}

// A word that ends a transaction, or cannot stand in one; wherever it stands, because only the server knows what is text and what a command.
const OUTSIDE =
  /\b(?:begin|commit|rollback|end|start\s+transaction|concurrently|vacuum|alter\s+system|(?:create|drop)\s+(?:database|tablespace|subscription))\b/i;

/** PostgreSQL runs a script that it is given whole in one transaction. Prisma with a driver adapter sends it statement by statement. */
export function atomicityOf({ name, sql }: MigrationFile, isSplit: boolean): Atomicity {
  const word = OUTSIDE.exec(sql)?.[0];
  if (word !== undefined) return { atomic: false, why: `${name} has the word ${word}` };
  const rest = sql.slice(sql.indexOf(';') + 1).replaceAll(/^\s*--.*$/gm, '');
  if (isSplit && sql.includes(';') && rest.trim() !== '') {
    return { atomic: false, why: `${name} has several statements, and a driver adapter runs each by itself` };
  }
  return { atomic: true };
}
