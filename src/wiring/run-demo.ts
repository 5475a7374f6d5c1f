import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { problem } from '../core/release/problem.ts';
import { openDemoFolder } from '../platform/demo-folder.ts';
import { realClock } from '../platform/clock.ts';
import { packageFolder } from '../platform/package-folder.ts';
import { chooseFreePort } from '../platform/ports.ts';
import { startAttached, type AttachedProgram } from '../platform/run-attached.ts';
import { isExecutorAlive } from '../app/ensure-executor.ts';
import { openApp } from './open-app.ts';
import { stopEverything } from './stop-everything.ts';

const EXAMPLE = join(packageFolder(), 'examples', 'demo');
const SPEED = 60; // ten minutes of watch pass in ten seconds; limits and windows stay as written
const REQUESTS_PER_SECOND = 200; // enough for 3 % of failures to show against 1 % within a window of five minutes
const WAIT_LIMIT_MS = 60_000;

/** What the client saw, as it reports it. */
interface Traffic {
  sent: number;
  failed: number;
  byVersion: Record<string, { sent: number; failed: number }>;
  missing?: unknown[];
}

export interface DemoOptions {
  /** Where the demo works; null for a new folder of its own. */
  directory: string | null;
  /** Leaves the services running at the end, to look around. */
  keep: boolean;
  color: boolean;
}

/**
 * The main job on a real service with real data and a client that never stops: two good releases, one bad one that is caught and taken
 * back, and one in the middle of which shipway is killed. Uses the public command line for every act. Returns its exit code.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const folder = options.directory ?? (await openDemoFolder());
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  const port = await chooseFreePort('127.0.0.1');
  const { prepareDemo } = (await import(pathToFileURL(join(EXAMPLE, 'prepare.mjs')).href)) as {
    prepareDemo: (directory: string, port: number) => void;
  };
  prepareDemo(folder, port);
  const demo = { folder, port, write, color: options.color };
  write(
    `A notes service with its data in SQLite, in ${folder}. The watch's clock runs ${SPEED} times faster; no limit is changed.`,
  );
  try {
    return await tellTheStory(demo);
  } finally {
    if (options.keep) write(`Still running; look around: cd ${folder} && shipway status`);
    else await stopEverything(folder);
  }
}

interface Demo {
  folder: string;
  port: number;
  color: boolean;
  write(line: string): void;
}

async function tellTheStory(demo: Demo): Promise<number> {
  chapter(demo, '1', 'the first release; from its end on, a client sends requests without a pause');
  await expectExit(demo, 0, ['release', '1.0.0', '--speed', String(SPEED)]);
  const traffic = startTraffic(demo);
  chapter(demo, '2', '1.1.0 brings a migration: backup first, then both versions side by side, no request lost');
  await expectExit(demo, 0, ['release', '1.1.0', '--speed', String(SPEED)]);
  await expectExit(demo, 0, ['backup', 'list']);
  chapter(demo, '3', '1.2.0 starts failing 3 % of its requests under traffic; nobody does anything about it');
  await expectExit(demo, 20, ['release', '1.2.0', '--speed', String(SPEED)]);
  chapter(demo, '4', 'shipway is killed with SIGKILL in the middle of 1.3.0, and started again');
  await releaseThroughKill(demo);
  const seen = await traffic.finish();
  chapter(demo, '5', 'what happened, and whether anybody changed the record of it');
  await expectExit(demo, 0, ['history']);
  await expectExit(demo, 0, ['verify']);
  return sumUp(demo, seen);
}

function chapter(demo: Demo, number: string, title: string): void {
  demo.write('');
  demo.write(`--- ${number}. ${title}`);
}

function startShipway(demo: Demo, args: string[]): AttachedProgram {
  demo.write(`$ shipway ${args.join(' ')}`);
  return startAttached({
    argv: [
      process.execPath,
      join(packageFolder(), 'bin', 'shipway.js'),
      ...args,
      ...(demo.color ? [] : ['--no-color']),
    ],
    cwd: demo.folder,
    environment: { ...process.env, SHIPWAY_ALLOW_SPEED: '1', SHIPWAY_ACTOR: 'ana' },
  });
}

async function expectExit(demo: Demo, wanted: number, args: string[]): Promise<void> {
  const code = await startShipway(demo, args).ended;
  if (code === wanted) return;
  throw problem('internal', `shipway ${args.join(' ')} ended with ${String(code)}, the story needs ${wanted}`, {
    where: demo.folder,
    next: `Look at what happened: cd ${demo.folder} && shipway show`,
  });
}

/** Starts 1.3.0, kills the command line and every executor as soon as traffic is about to move, and lets a new one finish. */
async function releaseThroughKill(demo: Demo): Promise<void> {
  const command = startShipway(demo, ['release', '1.3.0', '--speed', String(SPEED)]);
  const app = await openApp({
    projectDirectory: demo.folder,
    configPath: null,
    applicationName: 'demo',
    report: () => undefined,
  });
  try {
    const { pool } = await app.database();
    await until('1.3.0 to be deploying', async () => {
      const { rows } = await pool.query(
        `select 1 from shipway.step_run s join shipway.release r on r.id = s.release_id
         where r.version = '1.3.0' and s.step_id = 'deploy.apply' and s.state in ('started', 'finished')`,
      );
      return rows.length > 0;
    });
    const { rows } = await pool.query<{ pid: number }>('select pid from shipway.executor where gone_at is null');
    command.signal('SIGKILL');
    for (const { pid } of rows) killIfAlive(pid);
    await command.ended;
    demo.write(
      `killed with SIGKILL: the command line (pid ${command.pid}) and the executor (pid ${rows.map((row) => row.pid).join(', ')})`,
    );
    await until('the executor to be gone', async () => !(await isExecutorAlive(app)));
  } finally {
    await app.close();
  }
  await expectExit(demo, 0, ['attach']);
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between, which is as dead.
  }
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const limit = realClock.nowMs() + WAIT_LIMIT_MS;
  while (!(await ask())) {
    if (realClock.nowMs() > limit)
      throw problem('internal', `waited 60 s in vain for ${what}`, { next: 'Run the demo again.' });
    await realClock.sleep(10);
  }
}

function startTraffic(demo: Demo): { finish(): Promise<Traffic> } {
  let last: Traffic = { sent: 0, failed: 0, byVersion: {} };
  const client = startAttached({
    argv: [
      process.execPath,
      join(demo.folder, 'traffic', 'send-traffic.mjs'),
      `http://127.0.0.1:${demo.port}`,
      String(REQUESTS_PER_SECOND),
    ],
    cwd: demo.folder,
    environment: process.env,
    onLine: (line) => (last = JSON.parse(line) as Traffic),
  });
  return {
    finish: async () => {
      client.signal('SIGTERM');
      await client.ended;
      return last;
    },
  };
}

const BAD = '1.2.0';

function sumUp(demo: Demo, seen: Traffic): number {
  const bad = seen.byVersion[BAD] ?? { sent: 0, failed: 0 };
  const failedOutside = seen.failed - bad.failed;
  const missing = seen.missing?.length ?? Number.NaN;
  demo.write('');
  demo.write(
    `requests sent ${seen.sent.toLocaleString('en')}; failed while ${BAD} answered ${bad.failed}; failed otherwise ${failedOutside}`,
  );
  demo.write(`acknowledged notes missing from the data at the end: ${missing}`);
  demo.write(`where to look next: README.md, docs/guide/README.md, and the project of this demo in ${demo.folder}`);
  const isGood = failedOutside === 0 && missing === 0 && bad.failed > 0;
  demo.write(isGood ? 'DEMO OK' : 'DEMO FAILED: the numbers above are not what was promised');
  return isGood ? 0 : 1;
}
