import { problem } from '../../../core/release/problem.ts';
import { registerSecret } from '../../../platform/redact.ts';

/** Where a server is, taken apart so that the password never stands beside the rest. */
export interface RedisAddress {
  /** For people: without user and password. */
  shown: string;
  /** Null for TCP. */
  socketPath: string | null;
  host: string;
  port: number;
  isTls: boolean;
  username: string | null;
  password: string | null;
  database: number;
}

const DEFAULT_PORT = 6379;

/** Reads an address whose variables are resolved; a password in it is masked wherever it would be shown from now on. */
export function readAddress(url: string): RedisAddress {
  if (url.startsWith('unix:')) return unixAddress(url);
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '') throw unreadable();
  const database = parsed.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(database)) throw unreadable();
  const password = parsed.password === '' ? null : decoded(parsed.password);
  if (password !== null) registerSecret('password of the redis url', password);
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  return {
    shown: `${parsed.protocol}//${parsed.hostname}:${port}`,
    socketPath: null,
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    isTls: parsed.protocol === 'rediss:',
    username: parsed.username === '' ? null : decoded(parsed.username),
    password,
    database: Number(database),
  };
}

function unixAddress(url: string): RedisAddress {
  const path = url.replace(/^unix:(\/\/)?/, '');
  if (!path.startsWith('/')) throw unreadable();
  const nothing = { host: '', port: 0, isTls: false, username: null, password: null, database: 0 };
  return { shown: `unix://${path}`, socketPath: path, ...nothing };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// The address itself is not shown: what cannot be read may still hold a password.
function unreadable(): Error {
  return problem('config-invalid', 'the address of the Redis server cannot be read', {
    where: 'redis.url',
    next: 'Write redis://[user:$PASSWORD@]host[:port][/database], rediss:// for TLS, or unix:///path/to/socket; percent-encode the password.',
  });
}
