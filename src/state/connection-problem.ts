import { isProblem, problem } from '../core/release/problem.ts';
import type { Problem } from '../core/release/problem.ts';
import { errorCode } from '../platform/error-code.ts';

const SERVER_GONE = 'Check that the server runs and that this machine may reach it (host, port, firewall).';

/** By error code of PostgreSQL or of the network: what is wrong, and what to do. */
const EXPLANATIONS: Record<string, { said: string; next: string; retry?: boolean }> = {
  '28P01': { said: 'wrong password', next: 'Correct user and password in SHIPWAY_DATABASE_URL.' },
  '28000': {
    said: 'this user may not log in there',
    next: 'Correct the user in SHIPWAY_DATABASE_URL, or allow it in pg_hba.conf (also: is TLS required?).',
  },
  '3D000': {
    said: 'there is no such database',
    next: 'Create the database, or correct its name in SHIPWAY_DATABASE_URL.',
  },
  '42501': {
    said: 'this user may not create or change what shipway needs',
    next: 'Run in that database: GRANT CREATE ON DATABASE <database> TO <user>; and make <user> the owner of the schema shipway.',
  },
  '53300': {
    said: 'it has no connection left',
    next: 'Raise max_connections of the server or close other programs.',
    retry: true,
  },
  '57P03': { said: 'it is starting up or shutting down', next: 'Run the same command again in a moment.', retry: true },
  '25006': { said: 'it is read-only (a standby?)', next: 'Point SHIPWAY_DATABASE_URL at the primary server.' },
  ENOTFOUND: { said: 'its host name was not found', next: 'Correct the host in SHIPWAY_DATABASE_URL.' },
  EAI_AGAIN: {
    said: 'its host name could not be looked up now',
    next: 'Check the name server of this machine and try again.',
    retry: true,
  },
  ECONNREFUSED: { said: 'the connection was refused', next: SERVER_GONE, retry: true },
  ECONNRESET: { said: 'the connection was cut', next: SERVER_GONE, retry: true },
  ETIMEDOUT: { said: 'it does not answer', next: SERVER_GONE, retry: true },
  EHOSTUNREACH: { said: 'its host cannot be reached', next: SERVER_GONE, retry: true },
  ENETUNREACH: { said: 'its network cannot be reached', next: SERVER_GONE, retry: true },
  ENOENT: { said: 'its socket does not exist', next: SERVER_GONE, retry: true },
};

/** The error a person reads when the database cannot be used. `where` is an address without password. */
export function explainConnection(error: unknown, where: string): Problem {
  if (isProblem(error)) return error;
  const code = errorCode(error);
  const text = error instanceof Error && error.message !== '' ? error.message : code;
  const known = EXPLANATIONS[code] ?? explainByText(text);
  return problem('database-unavailable', `the database cannot be used: ${known?.said ?? text}`, {
    where,
    next: known?.next ?? 'Check SHIPWAY_DATABASE_URL and the log of the server.',
    retry: known?.retry ?? false,
    cause: error,
  });
}

/** Some errors of the driver carry no code. */
function explainByText(text: string): { said: string; next: string; retry?: boolean } | null {
  if (/password must be a string|no password/i.test(text))
    return { said: 'it wants a password', next: 'Write the password into SHIPWAY_DATABASE_URL.' };
  if (/timeout/i.test(text)) return { said: 'it does not answer', next: SERVER_GONE, retry: true };
  if (/does not support SSL/i.test(text))
    return { said: 'it has no TLS', next: 'Remove sslmode from SHIPWAY_DATABASE_URL, or switch TLS on in the server.' };
  if (/certificate|self.signed/i.test(text))
    return {
      said: `its TLS certificate is not trusted (${text})`,
      next: 'Give sslrootcert=<file> in SHIPWAY_DATABASE_URL.',
    };
  return null;
}

/** Address of a database for people: host, port, database and user, never the password. */
export function describeUrl(url: string): string {
  try {
    const { hostname, port, pathname, username } = new URL(url);
    return `${decodeURIComponent(username) || 'default user'} at ${hostname || 'local socket'}:${port || 5432}${pathname}`;
  } catch {
    return 'SHIPWAY_DATABASE_URL';
  }
}

const LOSS_CODES = new Set(['57P01', '57P02', '57P03', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ENOENT', 'ETIMEDOUT']);

/**
 * Whether a query failed because the connection or the server went away, so that the same work may succeed in a moment. A transaction
 * that was being committed may have been written all the same: repeat only what is harmless twice.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = errorCode(error);
  return (
    LOSS_CODES.has(code) ||
    code.startsWith('08') ||
    /Connection terminated|Connection ended|terminating connection/.test(error.message)
  );
}
