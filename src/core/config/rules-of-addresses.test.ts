import { expect, test } from 'vitest';
import type { Json } from '../release/json.ts';
import { checkAddresses } from './rules-of-addresses.ts';
import type { Findings } from './rules.ts';

function found(settings: Json): (string | null | undefined)[] {
  const findings: Findings = { problems: [], warnings: [] };
  checkAddresses({ stores: { a: settings } }, findings);
  return findings.problems.map((one) => one.found);
}

test.each([
  ['postgresql://u:pwLITERAL9@127.0.0.1:57432/postgres', 'postgresql://…:***@'],
  ['redis://:pwLITERAL9@127.0.0.1:6379/0', 'redis://…:***@'],
  ['rediss://u:pw$$LITERAL9@cache', 'rediss://…:***@'],
  ['https://ann:pw/LITERAL9@example.org/health', 'https://…:***@'],
  ['sftp://ann:9@example.org', 'sftp://…:***@'],
  ['postgresql://u@h:5432/d?sslmode=require&password=pwLITERAL9', '?password=***'],
  ['postgresql://u@h/d?sslpassword=pwLITERAL9', '?sslpassword=***'],
  ['https://example.org/health?access_token=pwLITERAL9', '?access_token=***'],
])('a password written into %s is refused, and not shown', (url, shown) => {
  expect(found({ postgres: { url } })).toEqual([shown]);
});

test.each([
  '$DATABASE_URL',
  'postgresql://u:$PASSWORD@127.0.0.1/shop',
  'postgresql://u:${PASSWORD}@127.0.0.1/shop?password=$PASSWORD',
  'postgresql://u@127.0.0.1:5432/shop?passfile=/run/secrets/pgpass',
  'redis://:@cache:6379',
  'http://localhost:3000/@ann/packages',
  'http://localhost:$PORT/@ann',
  'http://[::1]:3000/@ann',
  'http://localhost:3000/health?page=2&secretary=ann',
  'mailto:ann@example.org',
])('%s holds none', (url) => {
  expect(found({ http: [{ get: url }] })).toEqual([]);
});
