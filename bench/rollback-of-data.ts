/**
 * How long it takes until the older version serves the older data, from a person's word on, while a release with a migration that has no way down
 * is watched: with a copy that waits beside the live data, with a safety backup on top, and with the copy gone, so that the backup is restored
 * anew. On a real PostgreSQL; the service is asked through its public port all the while.
 * Run: npm run bench:rollback-of-data [MiB]   Needs the PostgreSQL of Debian; installs it when it is root.
 */
import { loadavg } from 'node:os';
import { longWatch, postgresOrders, withoutWayDown } from '../test/support/order-engines.ts';
import { findPostgres } from '../test/support/postgres-server.ts';
import { createServiceProject, said } from '../test/support/service-project.ts';
import { waitUntil } from '../test/support/wait-until.ts';

const GOAL_SECONDS = 5;
const SIZE_MIB = Number(process.argv[2] ?? '256');
const ROUNDS = 3; // of what is judged; the middle one counts
const ROW_BYTES = 1024;
const POLL_MS = 10;

process.env['SHIPWAY_TEST_FULL'] ??= '1'; // may install what it needs
const postgres = findPostgres();
if ('reason' in postgres) {
  console.log(`not run: ${postgres.reason}`);
  process.exit(1);
}
const engine = postgresOrders(postgres.bin);
const project = await createServiceProject({
  top: `stores: { orders: ${engine.store} }\nrelease: { hotfix: { watch: 20s } }`,
  watch: longWatch('$URL', '10h'),
  component: `            env: { ${engine.variable}: $${engine.variable} }`,
  environment: withoutWayDown(engine.variable),
});
const LIMITED = { limitSeconds: 1800 };

interface Measured {
  /** From the word to the first answer of the older version. */
  seconds: number;
  /** Of these, by step. */
  steps: Record<string, number>;
}

interface StepTime {
  step_id: string;
  seconds: string;
}

async function prepare(): Promise<void> {
  project.write('shipway.yaml', project.read('shipway.yaml').replaceAll('$URL', project.url));
  await engine.create(project);
  const rows = Math.round((SIZE_MIB * 1024 * 1024) / ROW_BYTES);
  const body = `SELECT string_agg(md5(random()::text || n || part), '') FROM generate_series(1, ${ROW_BYTES / 32}) part`;
  await engine.server().query('shop', `INSERT INTO orders SELECT n, (${body}) FROM generate_series(1, ${rows}) n`);
  project.write('migrations/1.up.sql', 'SELECT 1');
  project.addVersion('1.0.0', 'orders');
  project.addVersion('1.1.0', 'orders', { DATA_NOTE: 'note' });
  said(0, await project.release('1.0.0', ['--type', 'hotfix'], LIMITED));
  project.write('migrations/2.up.sql', 'ALTER TABLE orders ADD COLUMN note text');
}

/** Releases 1.1.0, takes it back while it is watched, and takes the times. */
async function measure(options: string[], before: () => Promise<void>): Promise<Measured> {
  await project.shipway(['unlock', 'shop', '--version', '1.1.0', '--reason', 'bench', '--yes']);
  const release = project.startRelease('1.1.0', [], LIMITED);
  await waitUntil('the watch', () => stateIs('watching'), {
    limitSeconds: 1800,
    everyMs: 500,
  });
  await before();
  const args = ['rollback', '--data', 'restore', '--reason', 'bench', ...options];
  const asked = await project.shipway([...args, '--yes'], LIMITED);
  const since = /add --yes-lose-data-since (\S+)/.exec(asked.stdout + asked.stderr)?.[1] ?? '';
  const ending = project.startShipway([...args, '--yes-lose-data-since', since], LIMITED);
  const servedMs = await servedAgain();
  said(0, await ending.ended);
  await release.ended;
  const [word] = await project.rows<{ at: string }>(
    `select (entry::jsonb) ->> 'at' as at from shipway.journal where type = 'request.made' order by index desc limit 1`,
  );
  const rows = await project.rows<StepTime>(
    `select step_id, extract(epoch from finished_at::timestamptz - started_at::timestamptz) as seconds from shipway.step_run
     where release_id = (select id from shipway.release order by number desc limit 1) and step_id like 'undo.%' and finished_at is not null`,
  );
  const steps = Object.fromEntries(rows.map((row) => [row.step_id.replace('undo.', ''), Number(row.seconds)]));
  return { seconds: (servedMs - Date.parse(word?.at ?? '')) / 1000, steps };
}

async function stateIs(state: string): Promise<boolean> {
  const rows = await project.rows<{ state: string }>('select state from shipway.release order by number desc limit 1');
  return rows[0]?.state === state;
}

/** When the older version answered at the public port for the first time. */
async function servedAgain(): Promise<number> {
  await waitUntil('the older version to serve', async () => (await project.publicVersion()) === '1.0.0', {
    limitSeconds: 1800,
    everyMs: POLL_MS,
  });
  return Date.now();
}

async function dropWaiting(): Promise<void> {
  for (const name of await engine.server().databases()) {
    if (name.startsWith('shop__restore_'))
      await engine.server().query('postgres', `DROP DATABASE "${name}" WITH (FORCE)`);
  }
}

async function middle(options: string[], before: () => Promise<void>, rounds = 1): Promise<Measured> {
  const all: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    all.push(await measure(options, before));
    await project.shipway(['backup', 'discard', '--all', '--yes'], LIMITED);
  }
  return all.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(rounds / 2)] ?? { seconds: 0, steps: {} };
}

function say(what: string, { seconds, steps }: Measured, goal: string): void {
  const cell = (name: string): string => ((steps[name] ?? 0) === 0 ? '–' : `${(steps[name] ?? 0).toFixed(2)} s`);
  console.log(
    `| ${what} | ${cell('backup.pre-rollback')} | ${cell('data.stage')} | ${cell('data.swap')} | ${seconds.toFixed(2)} s | ${goal} |`,
  );
}

try {
  await prepare();
  const [size] = await engine.server().query<{ bytes: string }>('postgres', `SELECT pg_database_size('shop') AS bytes`);
  console.log(
    `database ${(Number(size?.bytes ?? 0) / 2 ** 20).toFixed(0)} MiB; load ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')}`,
  );
  console.log('| data rollback | safety backup | look or restore | swap | word to older version serving | goal |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  const nothing = async (): Promise<void> => undefined;
  const waited = await middle([], nothing, ROUNDS);
  const isMet = waited.seconds <= GOAL_SECONDS;
  say('a copy waits (what a person gets)', waited, `<= ${GOAL_SECONDS} s: ${isMet ? 'PASS' : 'FAIL'}`);
  say('a copy waits, `--safety-backup`', await middle(['--safety-backup'], nothing), 'stated');
  say('the copy is gone: restored anew', await middle([], dropWaiting), 'stated');
  say('the same, `--safety-backup`', await middle(['--safety-backup'], dropWaiting), 'stated');
  process.exitCode = isMet ? 0 : 1;
} finally {
  await project.remove();
  await engine.close();
}
