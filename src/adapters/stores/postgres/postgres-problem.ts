import { isProblem, problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import { errorCode } from '../../../platform/error-code.ts';

interface Explanation {
  said: string;
  next: string;
  kind?: ProblemKind;
  retry?: boolean;
}

const SERVER_GONE = 'Check that the server runs and that this machine may reach it (host, port, firewall).';

const gone = (said: string): Explanation => ({ said, next: SERVER_GONE, retry: true });

/** By error code of PostgreSQL or of the network. */
const EXPLANATIONS: Record<string, Explanation> = {
  '28P01': { said: 'wrong password', next: 'Correct user and password in the url of the store.' },
  '28000': { said: 'this user may not log in there', next: 'Correct the user in the url, or allow it in pg_hba.conf.' },
  '42501': {
    said: 'a right is missing',
    kind: 'not-permitted',
    next: 'Give the user of the url that right, or use the owner of the database.',
  },
  '53100': { said: 'the disk of the server is full', kind: 'disk-full', next: 'Make room on the disk of the server.' },
  '53300': { said: 'it has no connection left', next: 'Raise max_connections or close other programs.', retry: true },
  '57P01': gone('the server ended the connection'),
  '57P02': gone('the server crashed'),
  '57P03': gone('it is starting up or shutting down'),
  '25006': { said: 'it is read-only (a standby?)', next: 'Point the url at the primary server.' },
  ENOTFOUND: { said: 'its host name was not found', next: 'Correct the host in the url of the store.' },
  EAI_AGAIN: gone('its host name could not be looked up now'),
  ECONNREFUSED: gone('the connection was refused'),
  ECONNRESET: gone('the connection was cut'),
  EPIPE: gone('the connection was cut'),
  ETIMEDOUT: gone('it does not answer'),
  EHOSTUNREACH: gone('its host cannot be reached'),
  ENETUNREACH: gone('its network cannot be reached'),
  ENOENT: gone('its socket does not exist'),
};

/** The error of the driver as a problem; `where` is an address without password. */
export function postgresProblem(kind: ProblemKind, what: string, where: string, error: unknown): Problem {
  if (isProblem(error)) return error;
  const text = error instanceof Error && error.message !== '' ? error.message : String(error);
  if (errorCode(error) === '3D000') {
    return problem(kind, `there is no such database: ${text}`, {
      where,
      next: 'Create the database, or correct its name in the url of the store.',
      cause: error,
    });
  }
  const known = EXPLANATIONS[errorCode(error)] ?? explainByText(text);
  const isToldByServer = known !== null && known.kind !== undefined;
  return problem(
    known?.kind ?? kind,
    `${what}: ${known === null ? text : known.said}${isToldByServer ? ` (${text})` : ''}`,
    {
      where,
      next: known?.next ?? 'Look into the log of the server.',
      retry: known?.retry ?? false,
      cause: error,
    },
  );
}

/** Some errors of the driver carry no code. */
function explainByText(text: string): Explanation | null {
  if (/Connection terminated|Connection ended/.test(text)) return gone('the connection was cut');
  if (/timeout/i.test(text) && !/lock timeout|statement timeout/.test(text)) return gone('it does not answer');
  if (/password must be a string|no password/i.test(text))
    return { said: 'it wants a password', next: 'Write the password into the url of the store.' };
  if (/does not support SSL/i.test(text))
    return { said: 'it has no TLS', next: 'Remove sslmode from the url, or switch TLS on in the server.' };
  return null;
}
