import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isProblem, type Problem } from '../core/release/problem.ts';
import { randomId } from './ids.ts';
import { redact, shortSecrets } from './redact.ts';
import { isSecretName, loadVariables, type VariableSources } from './variables.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-variables-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(processEnvironment: Record<string, string>, more: Partial<VariableSources> = {}) {
  return loadVariables({ envFile: null, secretNames: [], publicNames: [], processEnvironment, ...more });
}

function envFile(text: string): string {
  const path = join(folder, `${randomId()}.env`);
  writeFileSync(path, text);
  return path;
}

function problemOf(act: () => unknown): Problem {
  try {
    act();
  } catch (error) {
    if (isProblem(error)) return error;
    throw error;
  }
  throw new Error('expected a problem');
}

describe('resolve', () => {
  const variables = load({ HOST: 'localhost', PORT: '8080', EMPTY: '', DOLLAR: '$HOST', __proto__: 'x' });

  it.each([
    ['http://$HOST:${PORT}/', 'http://localhost:8080/'],
    ['${HOST}name $HOST.name', 'localhostname localhost.name'],
    ['a$EMPTY-b', 'a-b'],
    ['costs 5$$', 'costs 5$'],
    ['$$HOST $$$HOST $$$$', '$HOST $localhost $$'],
    ['100 $ $1 ${ $} ${a-b} $', '100 $ $1 ${ $} ${a-b} $'],
    ['', ''],
  ])('of "%s" is "%s"', (text, expected) => {
    expect(variables.resolve(text)).toBe(expected);
  });

  it('does not replace again in what a variable stood for', () => {
    expect(variables.resolve('$DOLLAR')).toBe('$HOST');
  });

  it('takes a value handed in before any other', () => {
    expect(variables.resolve('$HOST:$PORT', { PORT: '1' })).toBe('localhost:1');
  });

  it('says which variable has no value and what to do', () => {
    const problem = problemOf(() => variables.resolve('http://${NOWHERE}/'));
    expect(problem.kind).toBe('variable-missing');
    expect(problem.message).toBe('$NOWHERE has no value');
    expect(problem.where).toBe('http://${NOWHERE}/');
    expect(problem.next).toBe('Set NOWHERE in the environment; write $$NOWHERE if a dollar sign was meant.');
  });

  it('knows no variable from the language', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(problemOf(() => variables.resolve(`$${name}`)).kind).toBe('variable-missing');
    }
  });

  it('leaves a text as it is in which every dollar was doubled', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(variables.resolve(text.replaceAll('$', '$$$$'))).toBe(text);
      }),
    );
  });

  it('lists all names without a value', () => {
    expect(variables.missingIn('$B $A ${HOST} $$C $A $D', { D: '' })).toEqual(['A', 'B']);
  });
});

describe('secrets', () => {
  it.each([
    'API_KEY',
    'apiKey',
    'SLACK_TOKEN',
    'DB_PASSWORD',
    'PGPASSWORD',
    'DB_PASS',
    'CLIENT_SECRET',
    'SENTRY_DSN',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_CREDENTIALS',
    'SSH_PRIVATE_KEY',
    'VAULT_SECRET_ID',
    'GITHUBTOKEN',
  ])('%s is the name of one', (name) => expect(isSecretName(name)).toBe(true));

  it.each([
    'PWD',
    'OLDPWD',
    'PATH',
    'HOME',
    'MONKEY',
    'KEYBOARD',
    'COMPASS',
    'PASSENGERS',
    'AUTHOR',
    'SSH_AUTH_SOCK',
    'PUBLIC_KEY',
    'DB_PASSWORD_FILE',
    'LOG_LEVEL',
    'PORT',
  ])('%s is not the name of one', (name) => expect(isSecretName(name)).toBe(false));

  it('are masked from the moment they are loaded, by name or by declaration', () => {
    const [byName, declared, open] = [randomId(), randomId(), randomId()];
    const variables = load(
      { MY_TOKEN: byName, COLOUR: declared, CACHE_KEY: open },
      { secretNames: ['COLOUR'], publicNames: ['CACHE_KEY'] },
    );
    expect(redact(`${byName} ${declared} ${open}`)).toBe(`[masked MY_TOKEN] [masked COLOUR] ${open}`);
    expect(['MY_TOKEN', 'COLOUR', 'CACHE_KEY', 'PORT'].map((name) => variables.isSecret(name))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('include the password in a URL, as written and decoded, but not the host', () => {
    const password = `p@${randomId()}`;
    load({ DATABASE_URL: `postgres://app:${encodeURIComponent(password)}@db.example.org:5432/app` });
    expect(redact(`cannot reach db.example.org as app with ${password}`)).toBe(
      'cannot reach db.example.org as app with [masked DATABASE_URL]',
    );
    expect(redact(encodeURIComponent(password))).toBe('[masked DATABASE_URL]');
  });

  it('that are too short are reported', () => {
    load({ PIN_TOKEN: '1234' });
    expect(shortSecrets()).toContain('PIN_TOKEN');
  });
});

describe('the environment of a child', () => {
  it('holds what programs need and what is declared, resolved, and none of our own secrets', () => {
    const variables = load({
      PATH: '/bin',
      HOME: '/root',
      LC_ALL: 'C',
      CI_JOB_TOKEN: randomId(),
      PORT: '1',
      SHIPWAY_DATABASE_URL: 'x',
    });
    expect(variables.environment({ URL: 'http://h:$PORT' })).toEqual({
      PATH: '/bin',
      HOME: '/root',
      LC_ALL: 'C',
      URL: 'http://h:1',
    });
  });
});

describe('the env file', () => {
  it('wins over the surrounding environment and says what it overrides', () => {
    const path = envFile('DATABASE_URL=postgres://production/app\nSAME=1\n');
    const variables = load({ DATABASE_URL: 'postgres://laptop/app', SAME: '1', OTHER: 'x' }, { envFile: path });
    expect(variables.resolve('$DATABASE_URL $OTHER')).toBe('postgres://production/app x');
    expect(variables.overridden()).toEqual(['DATABASE_URL']);
  });

  it('is read with comments, quotes, export and values over several lines', () => {
    const path = envFile(
      [
        '\uFEFF# comment',
        '',
        'PLAIN=a b # not this',
        'HASH=a#b',
        "export SINGLE='a $B \\n #' # comment",
        'DOUBLE="a\\n\\"b\\" \\$X #"',
        'EMPTY=',
        'ONLY_COMMENT= # nothing',
        'EQUALS=a=b=c',
        '  SPACED  =  x  ',
        'KEY="-----BEGIN-----\r',
        'abc',
        '-----END-----"',
        'REFERENCE=$PLAIN',
      ].join('\n'),
    );
    const variables = load({}, { envFile: path });
    const values = [
      'PLAIN',
      'HASH',
      'SINGLE',
      'DOUBLE',
      'EMPTY',
      'ONLY_COMMENT',
      'EQUALS',
      'SPACED',
      'KEY',
      'REFERENCE',
    ];
    expect(values.map((name) => variables.value(name))).toEqual([
      'a b',
      'a#b',
      'a $B \\n #',
      'a\n"b" $X #',
      '',
      '',
      'a=b=c',
      'x',
      '-----BEGIN-----\nabc\n-----END-----',
      '$PLAIN',
    ]);
  });

  it.each([
    ['A=1\nhunter2-oops', 2, 'is not NAME=value'],
    ['A="never closed hunter2\nB=2', 1, 'has a quote that is never closed'],
    ['1A=hunter2', 1, 'is not NAME=value'],
    ["A='x' hunter2", 1, 'has text after the closing quote'],
  ])('with a line that cannot be read names its number, never its text', (text, line, what) => {
    const path = envFile(text);
    const problem = problemOf(() => load({}, { envFile: path }));
    expect(problem.kind).toBe('config-invalid');
    expect(problem.message).toBe(`${path}:${line} ${what}`);
    expect(`${problem.where}${problem.next}`).not.toContain('hunter2');
  });

  it('that does not exist is a problem', () => {
    const path = join(folder, 'none.env');
    const problem = problemOf(() => load({}, { envFile: path }));
    expect(problem.kind).toBe('config-missing');
    expect(problem.message).toBe(`the env file ${path} does not exist`);
  });
});
