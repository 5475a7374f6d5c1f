import type { DialectName } from '../../core/migration/statement.ts';
import type { Dialect } from './dialect.ts';
import { openPostgresqlDialect } from './postgresql/postgresql-dialect.ts';
import { openSqliteDialect } from './sqlite/sqlite-dialect.ts';

export interface DialectKind {
  summary: string;
  /** Cheap: the parser is loaded by the first `read`. */
  open(): Dialect;
}

/** The SQL that migrations are written in. A new dialect is one folder and one line here. */
export const dialectKinds: Record<DialectName, DialectKind> = {
  postgresql: { summary: 'PostgreSQL, by the grammar of version 18', open: openPostgresqlDialect },
  sqlite: { summary: 'SQLite, by the grammar of version 3.53', open: openSqliteDialect },
};
