import type { DialectName, Statement } from '../../core/migration/statement.ts';

/**
 * Reads SQL with the database's own grammar and says what each statement does, in words that are the same for every dialect. Nothing is
 * run. What it cannot say becomes an `opaque` deed; no text makes it throw.
 */
export interface Dialect {
  readonly kind: DialectName;
  read(sql: string): Promise<Statement[]>;
}
