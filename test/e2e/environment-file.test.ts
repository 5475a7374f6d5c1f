import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newIdentity } from '../../src/adapters/vaults/index.ts';
import { KEYS, startOnTerminal, terminalReason } from '../support/on-terminal.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const LIMIT_MS = 600_000; // several releases one after the other, on a machine that does other things too
const COMMAND_SECONDS = 240;
const FILE = '.env.production';

// What is looked for everywhere in the end; each version of the file has its own.
const SECRETS = { A: 'Sent1nel-of-a-9f8e7d', B: 'Sent1nel-of-b-6c5b4a', C: 'Sent1nel-of-c-3f2e1d' };
const fileWith = (name: keyof typeof SECRETS, more = ''): string =>
  `# ${name}\nGREETING=${name}\nAPI_TOKEN=${SECRETS[name]}\n${more}`;

let project: ServiceProject;
let people: { recipient: string; identity: string };
const printed: string[] = [];
const commandLines = new Set<string>();
let sampler: NodeJS.Timeout;

beforeAll(async () => {
  sampler = setInterval(sampleCommandLines, 50);
  people = await newIdentity();
  project = await createServiceProject({
    top: 'stores: { data: { files: { paths: [data] } } }\n# backups',
    watch: '',
    component: '            env: { GREETING: $GREETING, API_TOKEN: $API_TOKEN }',
    environment: `    env-file: ${FILE}
    migrate:
      command:
        up: [node, migrate.mjs, up, $VERSION]
        down: [node, migrate.mjs, down, $REVISION]
        revision: [node, migrate.mjs, revision]
        env: { GREETING: $GREETING, API_TOKEN: $API_TOKEN }
      compatible: false`,
    verify: '      - Agreed: { run: [sh, agree.sh, $VERSION] }',
  });
  project.write('agree.sh', 'test -e "edit-$1" && echo "EDITED=1" >> .env.production\ntest ! -e "disagree-$1"\n');
  project.write(
    'migrate.mjs',
    `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const [act, to] = process.argv.slice(2);
const now = existsSync('revision') ? readFileSync('revision', 'utf8') : 'none';
if (act === 'revision') console.log(now);
else {
  writeFileSync('revision', to);
  appendFileSync('migrated.txt', act + ' with ' + process.env.GREETING + '\\n');
}
`,
  );
  project.write('data/orders.txt', 'one\n');
  project.write(FILE, fileWith('A'), 0o600);
  for (const number of [0, 1, 2, 3, 4, 5, 6, 7]) addVersion(`1.${number}.0`);
}, LIMIT_MS);
afterAll(async () => {
  clearInterval(sampler);
  await project.remove();
});

/** A version that tells with which greeting it was started. */
function addVersion(version: string): void {
  const healthy = pathToFileURL(resolve('test/fixtures/services/healthy.mjs')).href;
  project.write(
    `releases/${version}/main.mjs`,
    `import { appendFileSync } from 'node:fs';
appendFileSync('../../started.txt', process.env.VERSION + ' with ' + process.env.GREETING + '\\n');
await import('${healthy}');
`,
  );
}

/** The part of its base64 that does not depend on what stands before and after it, for each of the three alignments. */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(secret)]);
    const whole = bytes.toString('base64').replace(/=+$/, '');
    return whole.slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
  });
}

function sampleCommandLines(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // it has ended
    }
  }
}

async function run(code: number, args: string[], environment: Record<string, string> = {}): Promise<string> {
  const text = said(code, await project.shipway(args, { environment, limitSeconds: COMMAND_SECONDS }));
  printed.push(text);
  return text;
}

const release = (version: string, code = 0, more: string[] = []) =>
  run(code, ['release', version, '--speed', '60', ...more]);
const read = (): string => project.read(FILE);
const mode = (path: string): number => statSync(join(project.directory, path)).mode & 0o777;
const lastLine = (path: string): string | undefined => project.read(path).trim().split('\n').at(-1);

test(
  'without recipients the environment is not in a backup, and the closing sentence and show say so',
  async () => {
    expect(await run(0, ['backup', 'create'])).toContain('environment: NOT stored: there is nobody to encrypt it for');
    expect(await run(0, ['backup', 'show', 'latest'])).toMatch(/env +NOT stored: there is nobody to encrypt it for/);
    const encryption = `backups: { encryption: { recipients: [${people.recipient}], identity: $SHIPWAY_BACKUP_IDENTITY } }`;
    project.write('shipway.yaml', project.read('shipway.yaml').replace('# backups', encryption));
  },
  LIMIT_MS,
);

test(
  'a release that fails puts the env file back as the version before was started with it; what was there is kept',
  async () => {
    await release('1.0.0');
    project.write(FILE, fileWith('B', 'NEW_FLAG=1\n'));
    chmodSync(join(project.directory, FILE), 0o640);
    expect(await run(0, ['plan', '1.1.0'])).toContain(
      `undo: put ${FILE} back as 1.0.0 was started with it: API_TOKEN, GREETING, NEW_FLAG goes`,
    );
    project.write('disagree-1.1.0', '');
    const failed = await release('1.1.0', 20);
    expect(failed).toContain(
      `environment: ${FILE} is as 1.0.0 was started with it (API_TOKEN, GREETING, NEW_FLAG goes); what was there: ${FILE}.replaced-r-0002`,
    );
    expect(read()).toBe(fileWith('A'));
    expect(mode(FILE)).toBe(0o600);
    expect(project.read(`${FILE}.replaced-r-0002`)).toBe(fileWith('B', 'NEW_FLAG=1\n'));
    expect(mode(`${FILE}.replaced-r-0002`)).toBe(0o640);
    // The way down belongs to the version that goes, and runs with its environment.
    expect(lastLine('migrated.txt')).toBe('down with B');
    expect(await project.publicVersion()).toBe('1.0.0');
  },
  LIMIT_MS,
);

test(
  'the backup of that release holds both: the file as it lay there, and as the version that ran was started with it',
  async () => {
    expect(await run(0, ['backup', 'show', 'before:r-0002'])).toMatch(
      /env +\.env\.production, 3 variables, encrypted; also the one of r-0001, which the version that ran was started with/,
    );
    const reader = { SHIPWAY_BACKUP_IDENTITY: people.identity };
    expect(await run(0, ['backup', 'restore', 'before:r-0002', '--into', 'look'], reader)).toContain('look/_context');
    const folder = 'look/_context/environment';
    expect(project.read(`${folder}/now/${FILE}`)).toBe(fileWith('B', 'NEW_FLAG=1\n'));
    expect(mode(`${folder}/now/${FILE}`)).toBe(0o640);
    expect(project.read(`${folder}/started/${FILE}`)).toBe(fileWith('A'));
    expect(JSON.parse(project.read(`${folder}/started/variables.json`))).toEqual({
      GREETING: 'A',
      API_TOKEN: SECRETS.A,
    });
    rmSync(join(project.directory, 'look'), { recursive: true });
  },
  LIMIT_MS,
);

test(
  'a rollback by hand shows it first, puts the file back before the older version is started, and discard clears up',
  async () => {
    project.write(FILE, fileWith('B'));
    await release('1.2.0');
    expect(lastLine('started.txt')).toBe('1.2.0 with B');
    const dry = await run(0, ['rollback', '--dry-run', '--reason', 'x']);
    expect(dry).toContain(`put ${FILE} back as 1.0.0 was started with it: API_TOKEN, GREETING`);
    expect(read()).toBe(fileWith('B'));
    expect(await run(3, ['rollback', '--reason', 'x'])).toContain(`environment: put ${FILE} back as 1.0.0`);
    const done = await run(0, ['rollback', '--yes', '--reason', 'x']);
    expect(done).toContain(`what was there: ${FILE}.replaced-r-0004`);
    expect(read()).toBe(fileWith('A'));
    expect(lastLine('started.txt')).toBe('1.0.0 with A');
    expect(await run(0, ['backup', 'discard'])).toContain(`${FILE}.replaced-r-0004`);
    await run(0, ['backup', 'discard', 'r-0004', '--yes']);
    expect(existsSync(join(project.directory, `${FILE}.replaced-r-0004`))).toBe(false);
    expect(existsSync(join(project.directory, `${FILE}.replaced-r-0002`))).toBe(true);
  },
  LIMIT_MS,
);

test(
  'what somebody changed after the version was started is not ours: it stays, and is said',
  async () => {
    project.write(FILE, fileWith('B'));
    await release('1.3.0');
    project.write(FILE, fileWith('C'));
    const asked = await run(3, ['rollback', '--reason', 'x']);
    expect(asked).toContain(`environment: ${FILE} stays as it is: somebody changed it after 1.3.0 was started`);
    await run(0, ['rollback', '--yes', '--reason', 'x']);
    expect(read()).toBe(fileWith('C'));
    // While a release runs, the same: its own check writes into the file here, as a person might.
    project.write('edit-1.4.0', '');
    project.write('disagree-1.4.0', '');
    const failed = await release('1.4.0', 20);
    expect(failed).toContain(`environment: ${FILE} stays as it is: somebody changed it meanwhile`);
    expect(read()).toBe(`${fileWith('C')}EDITED=1\n`);
  },
  LIMIT_MS,
);

test(
  '--return-environment takes it back all the same, and what somebody wrote stays beside it',
  async () => {
    project.write(FILE, fileWith('B'));
    await release('1.6.0');
    project.write(FILE, fileWith('C', 'MINE=1\n'));
    const both = await run(2, ['rollback', '--reason', 'x', '--keep-environment', '--return-environment']);
    expect(both).toContain('--keep-environment');
    const dry = await run(0, ['rollback', '--dry-run', '--return-environment', '--reason', 'x']);
    expect(dry).toMatch(
      /put \.env\.production back as \S+ was started with it: .*, though somebody changed it after 1\.6\.0/,
    );
    const done = await run(0, ['rollback', '--yes', '--return-environment', '--reason', 'x']);
    const [, aside = ''] = /what was there: (\.env\.production\.replaced-r-\d+)/.exec(done) ?? [];
    expect(project.read(aside)).toBe(fileWith('C', 'MINE=1\n'));
    expect(read()).not.toContain('MINE');
  },
  LIMIT_MS,
);

test.skipIf(terminalReason() !== '')(
  `a person at a terminal is asked about a file that somebody changed, with the names of what would change ${terminalReason()}`,
  async () => {
    const program = resolve('bin/shipway.js');
    const asked = () =>
      startOnTerminal([process.execPath, program, 'rollback', '--reason', 'x'], {
        directory: project.directory,
        environment: { SHIPWAY_ALLOW_SPEED: '1', SHIPWAY_ACTOR: 'ana' },
      });
    project.write(FILE, fileWith('B'));
    await release('1.7.0');
    project.write(FILE, fileWith('C', 'MINE=1\n'));
    const left = asked();
    await left.answer('What becomes of it?', KEYS.interrupt);
    expect(await left.ended, left.screen()).toBe(3);
    expect(left.screen()).toContain('nothing was changed');
    expect(read()).toBe(fileWith('C', 'MINE=1\n'));
    const back = asked();
    await back.answer('What becomes of it?', KEYS.down + KEYS.enter);
    await back.answer('Go back from 1.7.0', 'y');
    expect(await back.ended, back.screen()).toBe(0);
    printed.push(left.screen(), back.screen());
    expect(back.screen()).toMatch(/put it back as \S+ was started with it: .*MINE goes/);
    expect(read()).not.toContain('MINE');
  },
  LIMIT_MS,
);

test(
  '--keep-environment leaves it, and an unchanged file needs no step',
  async () => {
    project.write(FILE, fileWith('C'));
    expect(await run(0, ['plan', '1.5.0', '--keep-environment'])).toContain(
      'a rollback leaves it as it is (--keep-environment)',
    );
    expect(await run(0, ['plan', '1.5.0'])).toContain(`undo: leave ${FILE}: it is as`);
    project.write(FILE, fileWith('B'));
    await release('1.5.0');
    expect(await run(0, ['rollback', '--dry-run', '--keep-environment', '--reason', 'x'])).toContain(
      `warning: ${FILE} stays as it is (--keep-environment)`,
    );
    await run(0, ['rollback', '--yes', '--keep-environment', '--reason', 'x']);
    expect(read()).toBe(fileWith('B'));
    await run(0, ['verify']);
  },
  LIMIT_MS,
);

test(
  'no value stands in output, plan, journal, table, process list, or in a file that shipway wrote',
  async () => {
    const values = Object.values(SECRETS).flatMap((secret) => [secret, ...base64Forms(secret)]);
    const leaks = (text: string): string[] => values.filter((value) => text.includes(value));
    expect(printed.flatMap(leaks)).toEqual([]);
    expect([...commandLines].some((line) => line.includes('main.mjs'))).toBe(true);
    expect([...commandLines].flatMap(leaks)).toEqual([]);
    const rows = await project.rows<{ row: string }>(
      `select row_to_json(t)::text as row from shipway.journal t union all select row_to_json(t)::text from shipway.release t
       union all select row_to_json(t)::text from shipway.step_run t`,
    );
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.flatMap(({ row }) => leaks(row))).toEqual([]);
    const paths = (readdirSync(project.directory, { recursive: true }) as string[]).filter(
      (path) =>
        !/^\.env\.production|^\.shipway\/postgres|output\.log/.test(path) &&
        statSync(join(project.directory, path), { throwIfNoEntry: false })?.isFile(),
    );
    // Without these the look would prove nothing.
    expect(paths.some((path) => path.startsWith('.shipway/environments/'))).toBe(true);
    expect(paths.some((path) => path.endsWith('_context/environment/now.json'))).toBe(true);
    expect(
      paths.flatMap((path) => leaks(readFileSync(join(project.directory, path), 'latin1')).map(() => path)),
    ).toEqual([]);
    for (const path of paths.filter((one) => /^\.shipway\/(environments|keys)\//.test(one)))
      expect(mode(path)).toBe(0o600);
  },
  LIMIT_MS,
);
