import { problem } from '../../../core/release/problem.ts';
import { registerSecret } from '../../../platform/redact.ts';

/** A resolved address of a database. Holds the password: never print it, never put it into an argument. */
export interface Address {
  host: string | null;
  port: string | null;
  user: string | null;
  password: string | null;
  database: string;
  /** What libpq and the driver both understand: sslmode, sslrootcert… */
  parameters: Record<string, string>;
}

/** By name in an address: the variable that says the same to pg_dump and pg_restore. */
const TOOL_VARIABLES: Record<string, string> = {
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  options: 'PGOPTIONS',
  channel_binding: 'PGCHANNELBINDING',
};

/** Reads `postgresql://…`; throws `config-invalid`, without the address in the text, because it may hold a password. */
export function parseAddress(text: string): Address {
  const url = /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : null;
  const database = url === null ? '' : decodeURIComponent(url.pathname.slice(1));
  if (url === null || database === '') {
    throw problem('config-invalid', 'the url of the store is not the address of a PostgreSQL database', {
      where: 'stores: postgres: url',
      next: 'Write the name of a variable, for example $DATABASE_URL, that holds postgresql://user:password@host:5432/database',
    });
  }
  const { host, port, user, password, dbname: _, ...parameters } = Object.fromEntries(url.searchParams);
  const secret = decodeURIComponent(url.password) || (password ?? '');
  if (secret !== '') registerSecret('database password', secret);
  return {
    // In the query the folder of a socket can be given, which no host name may look like.
    host: host ?? (decodeURIComponent(url.hostname) || null),
    port: (url.port || port) ?? null,
    user: decodeURIComponent(url.username) || (user ?? null),
    password: secret === '' ? null : secret,
    database,
    parameters,
  };
}

/** For people: user, host, port and database, never the password. */
export function describeAddress(address: Address, database = address.database): string {
  return `${address.user ?? 'default user'} at ${address.host ?? 'local socket'}:${address.port ?? 5432}/${database}`;
}

/** The address as the driver reads it. Same meaning of sslmode as the tools have: both must reach the same server in the same way. */
export function connectionString(address: Address, database: string): string {
  const query = new URLSearchParams(address.parameters);
  if (query.has('sslmode') && !query.has('uselibpqcompat')) query.set('uselibpqcompat', 'true');
  if (address.host !== null) query.set('host', address.host);
  if (address.port !== null) query.set('port', address.port);
  if (address.user !== null) query.set('user', address.user);
  if (address.password !== null) query.set('password', address.password);
  return `postgresql:///${encodeURIComponent(database)}?${query.toString()}`;
}

/** From the first statement on: a limit that the database sets for its clients may be over before we can take it away. */
export const NO_TIME_LIMIT = '-c statement_timeout=0';

/** What pg_dump and pg_restore get in their environment. Beside the server (`through`) they use its local socket, so only the password is given. */
export function toolEnvironment(address: Address, isBesideServer: boolean): Record<string, string> {
  const given: Record<string, string> = { LC_ALL: 'C', PGOPTIONS: NO_TIME_LIMIT }; // messages that we read
  if (address.password !== null) given['PGPASSWORD'] = address.password;
  if (isBesideServer) return given;
  if (address.host !== null) given['PGHOST'] = address.host;
  if (address.port !== null) given['PGPORT'] = address.port;
  for (const [name, variable] of Object.entries(TOOL_VARIABLES)) {
    const value = address.parameters[name];
    if (value !== undefined) given[variable] = value;
  }
  return given;
}

/** User and database as arguments; a bare database name with `=` in it would be read as something else. */
export function toolArguments(address: Address, database: string): string[] {
  const name = `dbname='${database.replace(/[\\']/g, '\\$&')}'`;
  return ['--no-password', ...(address.user === null ? [] : [`--username=${address.user}`]), `--dbname=${name}`];
}
