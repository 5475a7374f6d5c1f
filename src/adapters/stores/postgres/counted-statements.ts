import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import type { Address } from './address.ts';
import { quoteName, withSession } from './session.ts';

const UNANSWERED = ['55000', '42501', '42P01'];
const STATEMENTS_MAX = 300; // a service has fewer; the rest was asked by hand

/** What the live server has counted of this database, the most frequent first; null where it counts nothing. Its values are left out by the server. */
export async function countedStatements(address: Address, effect: Effect): Promise<string[] | null> {
  const failure = { kind: 'backup-failed', what: 'the counted statements cannot be read' } as const;
  return withSession({ address, effect, failure }, async (session) => {
    const [found] = await session.query<{ schema: string }>(
      `SELECT n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
    );
    if (found === undefined) return null;
    const ask = session.query<{ query: string }>(
      `SELECT s.query FROM ${quoteName(found.schema)}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
       WHERE d.datname = current_database() AND s.query ~* '^\\s*(select|insert|update|delete|with|merge)\\M'
         AND s.query !~ 'pg_catalog|information_schema|pg_(class|attribute|stat|database|locks|namespace|extension)'
       GROUP BY s.query ORDER BY sum(s.calls) DESC, s.query LIMIT ${STATEMENTS_MAX}`,
    );
    // Made in the database and not loaded by the server, or not for this user, the view answers with an error.
    const rows = await ask.catch((error: unknown) => {
      if (UNANSWERED.includes(errorCode(error))) return null;
      throw error;
    });
    return rows?.map(({ query }) => query) ?? null;
  });
}
