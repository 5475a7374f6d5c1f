import type { Atomicity } from '../../../core/release/lock-manners.ts';

// Alembic prints each on a line of its own.
const BEGIN = /^BEGIN(?: TRANSACTION)?;$/i;
const COMMIT = /^COMMIT;$/i;
const RECORD = /^(?:INSERT INTO|UPDATE|DELETE FROM) [\w."]*alembic_version\b/im;

/**
 * What the SQL of `upgrade --sql` says about its transactions. With one transaction around all of it a failure leaves nothing; with one
 * around each migration the record in it tells how far it came.
 */
export function readAtomicity(sql: string): Atomicity {
  const transactions: string[] = [];
  let open: string[] | null = null;
  for (const line of sql.split(/\r?\n/)) {
    const text = line.trim();
    if (open === null && BEGIN.test(text)) open = [];
    else if (open !== null && COMMIT.test(text)) {
      transactions.push(open.join('\n'));
      open = null;
    } else if (open !== null) open.push(text);
    else if (text !== '' && !text.startsWith('--'))
      return { atomic: false, why: `alembic runs a part of it outside a transaction: ${text.slice(0, 80)}` };
  }
  if (open !== null) return { atomic: false, why: 'alembic leaves a transaction open' };
  const withoutRecord = transactions.length > 1 && !transactions.every((one) => RECORD.test(one));
  return withoutRecord
    ? { atomic: false, why: 'alembic runs one migration in several transactions' }
    : { atomic: true };
}
