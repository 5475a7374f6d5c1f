import type { parse as parseScript, ParseDiagnostic } from 'sqlite3-parser';
import { shipwayRemarks, shownStatement } from '../../../core/migration/read-script.ts';
import type { Statement } from '../../../core/migration/statement.ts';
import type { Dialect } from '../dialect.ts';
import { createLineCounter } from '../text-places.ts';
import { deedsOfStatement } from './deeds-of-statement.ts';

const LENGTH_MAX = 8 * 1024 * 1024; // about 15 s of parsing; more is a dump, not a migration

/** SQLite's own grammar. Loaded by the first `read`. */
export function openSqliteDialect(): Dialect {
  return {
    kind: 'sqlite',
    async read(sql) {
      if (sql.trim() === '') return [];
      if (sql.length > LENGTH_MAX)
        return [unread(1, `${sql.length} characters are more than the ${LENGTH_MAX} that are read`)];
      const { parse } = await import('sqlite3-parser');
      try {
        return readAll(sql, parse);
      } catch (error) {
        return [unread(1, `it cannot be read: ${String((error as Error).message)}`)];
      }
    },
  };
}

function readAll(sql: string, parse: typeof parseScript): Statement[] {
  const parsed = parse(sql);
  if (parsed.status === 'error') return [unreadFrom(parsed.errors)];
  const lineAt = createLineCounter(sql);
  let end = 0;
  return parsed.root.cmds.map((statement) => {
    const { offset, length } = statement.span;
    const before = sql.slice(end, offset);
    end = offset + length;
    return {
      line: lineAt(offset),
      text: shownStatement(sql.slice(offset, end)),
      remarks: shipwayRemarks(before + sql.slice(offset, end)),
      deeds: deedsOfStatement(statement),
    };
  });
}

function unreadFrom(errors: readonly ParseDiagnostic[]): Statement {
  const [first] = errors;
  if (first === undefined) return unread(1, 'it cannot be read');
  return unread(first.span.line, `the whole script cannot be read: ${first.message}`);
}

function unread(line: number, why: string): Statement {
  return { line, text: '', remarks: [], deeds: [{ kind: 'opaque', why }] };
}
