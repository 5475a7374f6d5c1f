import type { Json } from '../release/json.ts';
import type { ConfigPath } from './config-problem.ts';
import type { Findings } from './rules.ts';

// The lengths are limited, because unlimited ones take quadratic time on a long text. The name of a user does not begin with [, an IPv6 address does.
const USERINFO = /([a-z][a-z0-9+.-]{0,20}:\/\/)(?!\[)[^\s/:@?#]{0,200}:([^\s@]{1,500})@/gi;
/** `http://localhost:3000/@ann`: what looks like a password is a port and a path. */
const PORT_AND_PATH = /^\d{1,5}[^\w%.~!*+-]/;
const PARAMETER =
  /[?&]((?:ssl)?password|passwd|pwd|passphrase|secret|client_secret|token|access_token|auth_token|api[-_]?key)=([^\s&#"']{1,500})/gi;
const REFERENCE = /(?<!\$)(?:\$\$)*\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})/;

/** No password in an address: a release file is in Git, and what it says is in plan, journal and database. */
export function checkAddresses(root: Json, findings: Findings): void {
  for (const { path, text } of textsBelow(root, [])) {
    for (const { offset, found } of passwordsIn(text)) {
      findings.problems.push({
        path,
        offset,
        found,
        message: 'holds a password, which Git, plan, journal and database would keep',
        fix: 'Put the whole address into a variable of the env file and write its name here, for example $DATABASE_URL.',
      });
    }
  }
}

function passwordsIn(text: string): { offset: number; found: string }[] {
  const userinfo = [...text.matchAll(USERINFO)].flatMap(({ index, 1: scheme = '', 2: password = '' }) =>
    REFERENCE.test(password) || PORT_AND_PATH.test(password) ? [] : [{ offset: index, found: `${scheme}…:***@` }],
  );
  if (!text.includes('://')) return userinfo;
  const parameters = [...text.matchAll(PARAMETER)].flatMap(({ index, 1: name = '', 2: value = '' }) =>
    REFERENCE.test(value) ? [] : [{ offset: index, found: `?${name}=***` }],
  );
  return [...userinfo, ...parameters];
}

function* textsBelow(value: Json, path: ConfigPath): Generator<{ path: ConfigPath; text: string }> {
  if (typeof value === 'string') yield { path, text: value };
  if (value === null || typeof value !== 'object') return;
  for (const [key, child] of Array.isArray(value) ? value.entries() : Object.entries(value))
    yield* textsBelow(child, [...path, key]);
}
