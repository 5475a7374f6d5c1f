import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

// Characters that change in an address, in base64, in JSON and in a shell.
const SENTINEL = 'Sent1nel/9f8+e7d=6c5&4b"3 a2';
const WORD = 'Sent1nel';

/** Every form in which it must not be found: raw, for addresses, in JSON, hexadecimal, and base64 wherever it may stand in a longer text. */
function formsOf(secret: string): string[] {
  const escaped = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    WORD,
    encodeURIComponent(secret),
    escaped,
    Buffer.from(secret).toString('hex'),
    ...base64Forms(secret),
  ];
}

/** The part of its base64 that does not depend on what stands before and after it, for each of the three alignments. */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(secret)]);
    const whole = bytes.toString('base64').replace(/=+$/, '');
    const inner = whole.slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

const FORMS = formsOf(SENTINEL);
const leaksIn = (text: string): string[] => FORMS.filter((form) => text.includes(form));

let project: ServiceProject;
const printed: { command: string; text: string }[] = [];
const commandLines = new Set<string>();
let sampler: NodeJS.Timeout;

beforeAll(async () => {
  project = await createServiceProject({
    top: `stores: { data: { files: { paths: [data] } } }
checklist:
  - Prints: { run: [node, print.mjs, works], env: { SECRET: $SESSION_SECRET } }`,
    component: '            env: { SECRET: $SESSION_SECRET }',
    environment: '    env-file: .env.production',
    verify: 'VERIFY',
  });
  project.write(
    'shipway.yaml',
    project.read('shipway.yaml').replace(
      'VERIFY',
      `      - Header: { get: '${project.url}/health', headers: { authorization: Bearer $SESSION_SECRET } }
      - Address: { get: '${project.url}/health?token=$SESSION_SECRET' }
      - Good: { run: [node, print.mjs, $VERSION], env: { SECRET: $SESSION_SECRET } }`,
    ),
  );
  project.write('.env.production', `SESSION_SECRET='${SENTINEL}'\n`, 0o600);
  project.write('data/orders.txt', 'one\n');
  // Prints it as programs do by accident, on both streams, and fails for the version that is to fail.
  project.write(
    'print.mjs',
    `const secret = process.env.SECRET;
console.log('with ' + secret);
console.error(Buffer.from('user:' + secret).toString('base64'));
process.stdout.write('split ' + secret.slice(0, 9));
setTimeout(() => {
  process.stdout.write(secret.slice(9) + '\\n');
  console.error('error: ' + JSON.stringify({ secret }) + ' at https://x.invalid/?t=' + encodeURIComponent(secret));
  process.exitCode = process.argv[2] === '1.1.0' ? 3 : 0;
}, 50);
`,
  );
  project.addVersion('1.0.0', 'prints-secret');
  project.addVersion('1.1.0', 'prints-secret');
  project.addVersion('1.2.0', 'healthy');
  project.write(
    'releases/1.3.0/main.mjs',
    `console.error('cannot log in with ' + process.env.SECRET); process.exit(5);`,
  );
  sampler = setInterval(sampleCommandLines, 50);
});
afterAll(async () => {
  clearInterval(sampler);
  await project.remove();
});

function sampleCommandLines(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // it has ended
    }
  }
}

async function run(code: number, args: string[]): Promise<string> {
  const text = said(code, await project.shipway(args));
  printed.push({ command: args.join(' '), text });
  return text;
}

const SPEED = ['--speed', '60'];

test('a secret in environments, headers, addresses, output and errors is printed by no command', async () => {
  await run(0, ['plan', '1.0.0', '--json']);
  await run(0, ['release', '1.0.0', ...SPEED]);
  const failed = await run(20, ['release', '1.1.0', '--verbose', ...SPEED]);
  expect(failed).toContain('[masked SESSION_SECRET]');
  // An address that cannot be reached, with the secret in it.
  const file = project.read('shipway.yaml');
  project.write('shipway.yaml', file.replace(`${project.url}/health?token`, 'http://127.0.0.1:1/health?token'));
  await run(21, ['release', '1.2.0', '--json', ...SPEED]);
  await run(0, ['unlock', 'shop', '--env', 'production', '--reason', 'it was the check', '--yes']);
  project.write('shipway.yaml', file);
  expect(await run(20, ['release', '1.3.0', ...SPEED])).toContain('cannot log in with [masked SESSION_SECRET]');
  for (const id of ['r-0002', 'r-0003']) {
    await run(0, ['show', id]);
    await run(0, ['show', id, '--json', '--verbose']);
  }
  for (const args of [
    ['status'],
    ['history'],
    ['verify'],
    ['backup', 'list'],
    ['plan', '1.4.0'],
    ['doctor', '--verbose'],
  ]) {
    await run(0, args);
    await run(0, [...args, '--json']);
  }

  expect(printed.flatMap(({ command, text }) => leaksIn(text).map((form) => `${command}: ${form}`))).toEqual([]);
}, 300_000);

test('a secret among the arguments of a command is refused, because every user of the machine can read them', async () => {
  const file = project.read('shipway.yaml');
  project.write('shipway.yaml', file.replace('[node, main.mjs]', '[node, main.mjs, $SESSION_SECRET]'));
  const refused = await run(2, ['release', '1.4.0', ...SPEED]);
  project.write('shipway.yaml', file);
  expect(refused).toContain('SESSION_SECRET');
  expect(leaksIn(refused)).toEqual([]);
}, 180_000);

test('it stands in no row of any table, ours or those of the durable engine', async () => {
  const found = await project.memory(async ({ pool }) => {
    const { rows: tables } = await pool.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
    );
    expect(tables.map((table) => table.name)).toContain('shipway.journal');
    expect(tables.some((table) => table.name.startsWith('dbos.'))).toBe(true);
    const leaks: string[] = [];
    for (const { name } of tables) {
      const { rows } = await pool.query<{ row: string }>(`select row_to_json(t)::text as row from ${name} t`);
      for (const { row } of rows) leaks.push(...leaksIn(row).map((form) => `${name}: ${form}`));
    }
    return leaks;
  });
  expect(found).toEqual([]);
});

test('it stands in no file that shipway wrote: log, backups, records', () => {
  const exempt = /output\.log|^\.env\.production$|^\.shipway\/postgres/;
  const paths = (readdirSync(project.directory, { recursive: true }) as string[]).filter(
    (path) => !exempt.test(path) && statSync(join(project.directory, path), { throwIfNoEntry: false })?.isFile(),
  );
  expect(paths.some((path) => path.startsWith('.shipway/log/'))).toBe(true);
  expect(paths.some((path) => path.startsWith('.shipway/backups/') && path.endsWith('manifest.json'))).toBe(true);
  const leaks = paths.flatMap((path) =>
    leaksIn(readFileSync(join(project.directory, path), 'latin1')).map((form) => `${path}: ${form}`),
  );
  expect(leaks).toEqual([]);
});

test('it stood in the command line of no process while the releases ran', () => {
  expect([...commandLines].some((line) => line.includes('main.mjs'))).toBe(true);
  expect([...commandLines].filter((line) => leaksIn(line).length > 0)).toEqual([]);
});

test("the service's own output, which only its owner may read, is the place where it does stand", () => {
  const logs = (readdirSync(project.directory, { recursive: true }) as string[]).filter((path) =>
    path.endsWith('output.log'),
  );
  expect(logs.length).toBeGreaterThan(0);
  // Without this the whole test would prove nothing: the fixture really printed it.
  expect(logs.some((path) => readFileSync(join(project.directory, path), 'utf8').includes(SENTINEL))).toBe(true);
  for (const path of logs) expect(statSync(join(project.directory, path)).mode & 0o077).toBe(0);
  expect(existsSync(join(project.directory, '.env.production'))).toBe(true);
});
