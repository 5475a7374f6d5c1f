import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { describeConfigProblem } from './config-problem.ts';
import { parseReleaseFile, parseReleaseObject } from './parse-release-file.ts';
import type { ServiceConfig } from './service-config.ts';

const EXAMPLE = readFileSync(new URL('../../../test/fixtures/config/example.yaml', import.meta.url), 'utf8');
const SMALL = `service: notes
environments:
  production:
    target: { command: { deploy: [./deploy.sh], observe: [./look.sh] } }
    verify: [Health: { get: http://localhost/health }]
`;

function read(text: string, file = 'shipway.yaml'): ServiceConfig {
  const result = parseReleaseFile(text, file, sampleKinds);
  if ('problems' in result) throw new Error(result.problems.map(describeConfigProblem).join('\n'));
  return result.config;
}

function problemsOf(text: string, file = 'shipway.yaml'): string[] {
  const result = parseReleaseFile(text, file, sampleKinds);
  return 'problems' in result ? result.problems.map(describeConfigProblem) : [];
}

function warningsOf(text: string): string[] {
  const result = parseReleaseFile(text, 'shipway.yaml', sampleKinds);
  if ('problems' in result) throw new Error(result.problems.map(describeConfigProblem).join('\n'));
  return result.warnings.map(describeConfigProblem);
}

/** A small file with more lines in its environment. */
function withLines(...lines: string[]): string {
  return `${SMALL}${lines.map((line) => `    ${line}\n`).join('')}`;
}

test('every key of the example is read into the config, with durations in seconds and defaults filled in', () => {
  const config = read(EXAMPLE);
  const production = config.environments['production'];
  expect(config).toMatchObject({
    service: 'notes',
    backups: { directory: '.shipway/backups', drillSeconds: null, scratch: '.shipway/scratch' },
    variables: { secret: ['SESSION_KEY'], public: ['LOG_LEVEL'] },
    releaseTypes: {
      regular: { approval: null, watchSeconds: null, skip: [] },
      hotfix: { approval: { count: 1, from: ['ana', 'bo'], selfApproval: false }, watchSeconds: 300, skip: [] },
    },
    stores: [
      { name: 'database', kind: 'sqlite', settings: { path: 'data/notes.db' } },
      { name: 'uploads', kind: 'files', settings: { paths: ['uploads'] } },
    ],
  });
  expect(production).toMatchObject({
    after: 'staging',
    envFile: '.env.production',
    router: { kind: 'builtin', settings: { listen: '127.0.0.1:8080', component: 'api' } },
    stores: ['database', 'uploads'],
    migrate: { kind: 'command', when: 'before-deploy', compatible: true, reversible: true },
    keepOld: 'until-stable',
    drainSeconds: 30,
    approval: { count: 1, from: [], selfApproval: true },
  });
  expect(production?.checklist.map(({ name, kind, timeoutSeconds }) => [name, kind, timeoutSeconds])).toEqual([
    ['Tests pass', 'command', 600],
    ['Disk has room', 'command', 300],
  ]);
  expect(production?.watch).toMatchObject({ watchSeconds: 600, everySeconds: 10, probes: [{ name: 'Health' }] });
  expect(production?.watch?.criteria.map(({ text, action }) => [action, text])).toEqual([
    ['roll-back', 'error rate > 1% for 5 minutes'],
    ['roll-back', 'more than 3 failed health checks in 10 minutes'],
    ['roll-back', 'p95 response time > 300 ms for 5 minutes'],
    ['pause', 'memory > 90% for 10 minutes'],
    ['warn', 'queue_depth > 500'],
  ]);
  expect(production?.watch?.releaseWindow).toMatchObject({ windowSeconds: 300, criteria: [{ limit: 0.005 }] });
  expect(production?.watch?.metrics).toEqual({ kind: 'scrape', settings: { path: '/metrics', component: 'api' } });
});

test('the policy for backups is read key by key; what is left out keeps a week and a thin tail behind it', () => {
  const week = { forSeconds: 7 * 86_400, last: 3, daily: 7, weekly: 4, monthly: 6, yearly: 0 };
  expect(read(SMALL).backups.keep).toEqual({ ...week, versions: null, timeZone: 'UTC' });
  const keep = '{ for: 2 weeks, yearly: 7, versions: 5, time-zone: Europe/Berlin }';
  expect(read(`${SMALL}backups: { keep: ${keep} }\n`).backups).toEqual({
    directory: '.shipway/backups',
    keep: { ...week, forSeconds: 14 * 86_400, yearly: 7, versions: 5, timeZone: 'Europe/Berlin' },
    drillSeconds: null,
    scratch: '.shipway/scratch',
  });
  expect(read(`${SMALL}backups: { drill: every 7 days, scratch: /big/disk }\n`).backups).toMatchObject({
    drillSeconds: 7 * 86_400,
    scratch: '/big/disk',
  });
  expect(read(SMALL).backups).not.toHaveProperty('fullSeconds');
  expect(read(`${SMALL}backups: { full: every 3 days }\n`).backups).toMatchObject({ fullSeconds: 3 * 86_400 });
});

describe('the keys of backups', () => {
  const RECIPIENT = 'age1hry635hhy4fl7p85v4lcy6e7f6lm5u48eh0f80ghjnpl329lh4xsqktw5e';
  const withKeys = (keys: string): string => `${SMALL}backups: { ${keys} }\n`;

  test('are left out of a file that names none, and read where it does', () => {
    expect(read(SMALL).backups).not.toHaveProperty('keys');
    const encryption = `encryption: { recipients: [${RECIPIENT}], identity: $SHIPWAY_BACKUP_IDENTITY }`;
    expect(read(withKeys(encryption)).backups.keys).toEqual({
      recipients: [RECIPIENT],
      identity: '$SHIPWAY_BACKUP_IDENTITY',
      signers: [],
    });
    const signer = `ed25519:${'5f'.repeat(32)}`;
    expect(read(withKeys(`signers: ['${signer}']`)).backups.keys).toMatchObject({ recipients: [], signers: [signer] });
  });

  test('with a slip in a recipient or a signer are refused', () => {
    const slip = RECIPIENT.replace('hry', 'hrz');
    expect(problemsOf(withKeys(`encryption: { recipients: [${slip}] }`)).join()).toContain('is not an age recipient');
    expect(problemsOf(withKeys('encryption: { recipients: [] }')).join()).toContain('Name at least one recipient');
    expect(problemsOf(withKeys('signers: [ana]')).join()).toContain('is not a signer');
  });

  test('with the identity itself in the file are refused, and it is not shown', () => {
    const identity = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
    const said = problemsOf(withKeys(`encryption: { recipients: [${RECIPIENT}], identity: ${identity} }`)).join();
    expect(said).toContain('is the identity itself');
    expect(said).not.toContain('QQQQ');
  });
});

test('the short form of a check becomes the strict settings of its kind', () => {
  const config = read(
    withLines(
      'checklist:',
      '  - Posted: { post: http://localhost/a, headers: { a: $API_TOKEN }, body: x, expect: { body-contains: ok }, within: 1s }',
      '  - Done: { run: [ls], directory: d, env: { A: b }, expect: { exit: 1, output: y }, tries: 2, every: 5s, timeout: 1m }',
      '  - Asked: { promql: { query: up, below: 1 } }',
    ),
  );
  expect(config.environments['production']?.checklist).toEqual([
    {
      name: 'Posted',
      kind: 'http',
      settings: {
        method: 'POST',
        url: 'http://localhost/a',
        headers: { a: '$API_TOKEN' },
        body: 'x',
        expect: { status: 200, json: {}, header: {}, bodyContains: 'ok' },
        withinMs: 1000,
      },
      tries: 1,
      everySeconds: 1,
      timeoutSeconds: 10,
    },
    {
      name: 'Done',
      kind: 'command',
      settings: { argv: ['ls'], directory: 'd', env: { A: 'b' }, expectExit: 1, expectOutput: 'y' },
      tries: 2,
      everySeconds: 5,
      timeoutSeconds: 60,
    },
    {
      name: 'Asked',
      kind: 'promql',
      settings: { query: 'up', below: 1 },
      tries: 1,
      everySeconds: 1,
      timeoutSeconds: 30,
    },
  ]);
});

test('the health check of a component is expanded and checked like any other check', () => {
  const target = read(EXAMPLE).environments['production']?.target.settings;
  expect(target).toMatchObject({
    components: { api: { health: { method: 'GET', url: '/health', expect: { json: { version: '$VERSION' } } } } },
  });
});

test('without probes of its own the watch sends the verifications that only read', () => {
  const config = read(
    withLines('watch: { for: 10m, warn when: [error rate > 1%] }').replace(
      'verify: [',
      'verify: [Write: { post: http://localhost/ }, Look: { run: [ls] }, ',
    ),
  );
  expect(config.environments['production']?.watch?.probes.map((probe) => probe.name)).toEqual(['Health']);
});

test('a migration by commands goes back only with a down command; one that knows its tool goes back by itself', () => {
  const reversible = (line: string) => read(withLines(line)).environments['production']?.migrate?.reversible;
  expect(reversible('migrate: { command: { up: [./up] } }')).toBe(false);
  expect(reversible('migrate: { command: { up: [./up], down: [./down] } }')).toBe(true);
  expect(reversible('migrate: { alembic: {} }')).toBe(true);
  expect(reversible('migrate: { alembic: {}, reversible: false }')).toBe(false);
});

const WRONG_FILES = readFileSync(new URL('../../../test/fixtures/config/wrong-files.txt', import.meta.url), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((part) => {
    const [title = '', ...lines] = part.replace(/\n+$/, '').split('\n');
    const messages = lines.filter((line) => line.startsWith('>>> ')).map((line) => line.slice(4));
    const text = lines.filter((line) => !line.startsWith('>>> ')).map((line) => `${line}\n`);
    return { title, text: text.join(''), messages };
  });

test('the table of wrong files has at least 40 cases, each with a message', () => {
  expect(WRONG_FILES.length).toBeGreaterThanOrEqual(40);
  expect(WRONG_FILES.filter(({ messages }) => messages.length === 0)).toEqual([]);
});

test.each(WRONG_FILES)('$title is refused in exact words', ({ text, messages }) => {
  expect(problemsOf(text)).toEqual(messages);
});

test.each([
  ['brackets', '['.repeat(100_000)],
  ['braces', '{a: '.repeat(50_000)],
  ['dashes', '- '.repeat(100_000)],
  ['indentation', Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
])('%s nested without end are refused and do not end the process', (_, text) => {
  expect(problemsOf(text)).toEqual([
    'shipway.yaml:1:1 the file nests deeper than 64 levels. Check for brackets that are opened and never closed.',
  ]);
});

test('a file of 10 MB is refused without being read', () => {
  expect(problemsOf(`service: notes\n#${'x'.repeat(10_485_760)}`)).toEqual([
    'shipway.yaml:1:1 the file is longer than 256 KiB (found 10240 KiB). A release file has some hundred lines; check the path.',
  ]);
});

test.each([
  ['a long word', `service: ${'x'.repeat(250_000)}`],
  ['a long address', `service: ${'x://a:'.repeat(40_000)}`],
  ['a long criterion', withLines(`watch: { for: 1m, warn when: ["${'error rate > '.repeat(20_000)}"] }`)],
  ['long names', `service: a\nenvironments: { ${'p'.repeat(200_000)}: { after: ${'q'.repeat(50_000)} } }`],
  [
    'a long circle',
    `service: a\nenvironments:\n${Array.from({ length: 2500 }, (_, at) => `  e${at}: { after: e${(at + 1) % 2500} }\n`).join('')}`,
  ],
])('%s is refused in short words and reasonable time', (_, text) => {
  const told = problemsOf(text);
  expect(told.length).toBeGreaterThan(0);
  for (const line of told) expect(line.length).toBeLessThan(3000);
});

test('a hundred problems are told, and how many are left', () => {
  const problems = problemsOf(`${SMALL}${Array.from({ length: 300 }, (_, index) => `wrong${index}: 1\n`).join('')}`);
  expect(problems).toHaveLength(100);
  expect(problems.at(-1)).toMatch(/ 201 more problems follow\. Correct those above first\.$/);
});

test('JSON is read with places too, indented by tabs or not at all', () => {
  const value = { service: 'notes', $schema: './schema.json', environments: { production: { target: {} } } };
  expect(problemsOf(JSON.stringify(value, null, '\t'), 'shipway.json')).toEqual([
    'shipway.json:6:14 environments.production.target: names no kind of target. Write one of: process, command.',
  ]);
  expect(problemsOf(JSON.stringify(value), 'shipway.json')).toHaveLength(1);
  expect(problemsOf('{"service": "a", "service": "b", "environments": {"p": 1}}', 'shipway.json')).toContain(
    'shipway.json:1:18 service: the key is there twice, first in line 1. Keep one of the two.',
  );
});

test('aliases stand for the whole value and problems inside are found at the anchor', () => {
  const text = `${SMALL}  staging:
    target: &target { command: { deploy: [./deploy.sh], observe: ./look.sh } }
    verify: &verify [Health: { get: http://localhost/health }]
  test: { target: *target, verify: *verify }
`;
  expect(problemsOf(text).map((line) => line.split(': ')[0])).toEqual([
    'shipway.yaml:7:66 environments.staging.target.command.observe',
    'shipway.yaml:7:66 environments.test.target.command.observe',
  ]);
});

test.each(['__proto__', 'constructor', 'hasOwnProperty'])('the key %s is an unknown key like any other', (key) => {
  expect(problemsOf(`${SMALL}${key}: { a: 1 }\n`)).toHaveLength(1);
  expect(problemsOf(withLines(`stores: [${key}]`, `after: ${key}`))).toHaveLength(2);
  expect(Object.hasOwn(Object.prototype, 'a')).toBe(false);
});

test('a value under a secret name, in a header or behind a telling word is never shown', () => {
  const text = withLines(
    'checklist:',
    '  - A: { get: http://localhost/, headers: { authorization: [hunter2hunter2] } }',
    '  - B: { run: "curl --token=hunter2hunter2" }',
    '  - C: { run: [ls], env: { API_KEY: 777777777 } }',
    '  - E: { run: [ls], env: { API_TOKEN: { password: letmein } } }',
    '  - D: { get: "ftp://ana:hunter2hunter2@localhost" }',
  );
  const told = problemsOf(text);
  expect(told).toHaveLength(6);
  expect(told.join('\n')).not.toMatch(/hunter2|7777|letmein/);
});

test('a file that is doubtful in nothing has no warnings', () => {
  expect(warningsOf(SMALL)).toEqual([]);
});

test('the example is warned about what its author should know', () => {
  expect(warningsOf(EXAMPLE)).toEqual([
    'shipway.yaml:7:64 release.hotfix.watch: is too short for criteria of production that then can never be breached: `memory > 90% for 10 minutes` (found "5m"). Write at least 10m if they shall hold for this type too.',
    'shipway.yaml:15:3 environments.staging.verify: has no checks, so that a version that starts and answers wrongly counts as released. Add at least one check: - Health: { get: https://example.org/health }.',
  ]);
});

test.each([
  [
    ['migrate: { command: { up: [./up] } }'],
    'shipway.yaml:6:5 environments.production.migrate: has no way down and the version before cannot run on the new schema, so that no release with a migration is rolled back automatically. Write `down`, or make each migration compatible with the version before and say `compatible: true`.',
  ],
  [
    ['watch: { for: 10m, warn when: [error rate > 1%], release window: { for: 10m } }'],
    'shipway.yaml:6:77 environments.production.watch.release window.for: is not shorter than the watch of 10m, so that its criteria hold all the time (found "10m"). Write less than 10m, or move the criteria to the watch.',
  ],
  [
    ['watch: { for: 10m, warn when: [error rate > 1%], release window: { for: 5m, warn when: [error rate > 2%] } }'],
    'shipway.yaml:6:93 environments.production.watch.release window.warn when[0]: is not stricter than the normal criterion `error rate > 1%` (found "error rate > 2%"). Write a stricter limit, or remove it here.',
  ],
  [
    ['watch: { for: 10m }'],
    'shipway.yaml:6:5 environments.production.watch: has no criteria, so that nothing can end it early. Add `roll back when: [error rate > 1% for 5 minutes]`.',
  ],
  [
    ['checklist: [Ready: { run: [psql, $DATABASE_URL] }]'],
    'shipway.yaml:6:38 environments.production.checklist[0].Ready.run[1]: may contain a password, and every user of the machine can read command lines in the process list (found $DATABASE_URL). Pass it by env: { DATABASE_URL: $DATABASE_URL } and read it in the program (in a shell line write $$DATABASE_URL). If it has none, list it in variables.public.',
  ],
  [
    ['checklist: [Ready: { get: http://localhost/, expect: { json: { version: 1.10 } } }]'],
    'shipway.yaml:6:77 environments.production.checklist[0].Ready.expect.json.version: is read as the number 1.1 (found 1.10). Put it in quotes if it is a version or an id: "1.10".',
  ],
])('what is doubtful is warned about in exact words: %s', (lines, warning) => {
  expect(warningsOf(withLines(...lines))).toEqual([warning]);
});

test('a count may be reached before its window is over, so it may be longer than the watch', () => {
  expect(
    warningsOf(withLines('watch: { for: 5m, warn when: [more than 3 failed health checks in 10 minutes] }')),
  ).toEqual([]);
});

test('"fewer than" a count can only be judged at the end of its window, so it may not be longer than the watch', () => {
  const watch = 'watch: { for: 5m, metrics: { scrape: /metrics }, warn when: [fewer than 3 sync runs in 10 minutes] }';
  expect(problemsOf(withLines(watch)).join()).toContain('can never be breached: 10m is longer than the watch of 5m');
});

test.each([
  'checklist: [A: { run: [sh, -c, "echo $$API_TOKEN"], env: { API_TOKEN: $API_TOKEN } }]',
  'checklist: [A: { get: "http://localhost/?key=$API_TOKEN", headers: { a: "$API_TOKEN" } }]',
  'checklist: [A: { run: [echo, $VERSION, $MONKEY] }]',
  'checklist: [A: { run: [ls], env: { run: $API_TOKEN } }]',
])('a secret is allowed where nobody else can read it: %s', (line) => {
  expect(problemsOf(withLines(line))).toEqual([]);
});

test('a secret-looking name that is declared public may stand in a command', () => {
  const text = withLines('checklist: [A: { run: [echo, $LOG_KEY] }]');
  expect(problemsOf(text)).toHaveLength(1);
  expect(problemsOf(`${text}variables: { public: [LOG_KEY] }\n`)).toEqual([]);
});

test('a value from a program is read like a file, and problems name the path', () => {
  const environments = {
    production: {
      target: { command: { deploy: ['./deploy.sh'], observe: ['./look.sh'] } },
      verify: [{ Health: { get: 'http://localhost/health' } }],
      drain: undefined,
    },
  };
  const good = parseReleaseObject({ service: 'notes', environments }, 'shipway.config.ts', sampleKinds);
  expect('config' in good && good.config).toEqual(read(SMALL));
  const bad = parseReleaseObject({ service: 'No', environments }, 'shipway.config.ts', sampleKinds);
  expect('problems' in bad && bad.problems.map(describeConfigProblem)).toEqual([
    'shipway.config.ts service: is not a name (found "No"). Start with a letter; use lower-case letters, digits and -, at most 40.',
  ]);
});

test.each([
  ['a function', { service: () => 'x' }, 'service: is a function, which cannot be written down'],
  ['a date', { service: new Date(0) }, 'service: is neither plain text, number, list nor map'],
  ['a number without a value', { service: Number.NaN }, 'service: is a number, which cannot be written down'],
])('%s in a value from a program is refused', (_, value, start) => {
  const result = parseReleaseObject(value, 'f.ts', sampleKinds);
  expect('problems' in result && result.problems.map(describeConfigProblem)[0]).toContain(start);
});

test('a value that contains itself is refused', () => {
  const value: Record<string, unknown> = { service: 'notes' };
  value['environments'] = value;
  const result = parseReleaseObject(value, 'f.ts', sampleKinds);
  expect('problems' in result && result.problems.map(describeConfigProblem)[0]).toContain(
    'environments: contains itself',
  );
});
