// CPU per request, throughput per core and added latency of the builtin router, beside HAProxy in front of the same backend in the same run.
// Run: npm run bench:router-cost   Needs haproxy, wrk and taskset; installs the first two from Debian when it is root.
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { routerProcesses } from '../src/adapters/routers/builtin/admin-client.ts';
import { chooseFreePort, isPortOpen } from '../src/platform/ports.ts';
import { openRouterBench, percentile, printGoals, slotOf } from './router-bench.ts';
import type { Goal, RouterBench } from './router-bench.ts';

const ROUNDS = 6; // the best of six: other work on the machine only ever takes away
const ROUND_SECONDS = 4;
const BODY_BYTES = 1024;
const LOAD_CORE = '0'; // wrk and the backend
const PROXY_CORE = '1';
const TICKS_PER_SECOND = 100; // of /proc/PID/stat on Linux

interface Subject {
  name: string;
  port: number;
  /** Processes whose CPU counts. */
  pids: number[];
}
interface Round {
  perSecond: number;
  cpuUs: number;
  p50Us: number;
  failed: number;
}

const run = promisify(execFile);

/** True when all programs are there, after trying to install them. */
function programsAreThere(): boolean {
  const missing = () => ['haproxy', 'wrk', 'taskset'].filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing().length > 0 && process.getuid?.() === 0)
    spawnSync('apt-get', ['install', '-y', 'haproxy', 'wrk'], { stdio: 'ignore' });
  if (missing().length > 0)
    console.log(
      `SKIPPED: ${missing().join(', ')} not installed, and only root can install them (apt-get install haproxy wrk)`,
    );
  return missing().length === 0;
}

async function startHaproxy(folder: string, name: string, core: string, lines: string[]): Promise<ChildProcess> {
  const file = join(folder, `${name}.cfg`);
  const common = [
    'global',
    '  nbthread 1',
    '  maxconn 4000',
    'defaults',
    '  mode http',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
  ];
  writeFileSync(file, [...common, ...lines, ''].join('\n'));
  return spawn('taskset', ['-c', core, 'haproxy', '-db', '-f', file], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function cpuSeconds(pids: number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const columns = text.slice(text.lastIndexOf(')') + 2).split(' ');
    ticks += Number(columns[11]) + Number(columns[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

async function measure(subject: Subject, connections: number): Promise<Round> {
  const before = cpuSeconds(subject.pids);
  const argv = [
    '-c',
    LOAD_CORE,
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${ROUND_SECONDS}s`,
    '--latency',
    `http://127.0.0.1:${subject.port}/`,
  ];
  const { stdout } = await run('taskset', argv);
  const cpu = cpuSeconds(subject.pids) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const p50 = /50%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  const unit = { us: 1, ms: 1000, s: 1_000_000 }[p50?.[2] ?? 'us'] ?? 1;
  const wrong = [...stdout.matchAll(/(?:Non-2xx or 3xx responses: |connect |read |write |timeout )(\d+)/g)];
  const failed = wrong.reduce((sum, match) => sum + Number(match[1]), 0);
  return { perSecond: requests / ROUND_SECONDS, cpuUs: (cpu / requests) * 1e6, p50Us: Number(p50?.[1]) * unit, failed };
}

function best(rounds: Round[]): Round {
  return {
    perSecond: Math.max(...rounds.map((round) => round.perSecond)),
    cpuUs: Math.min(...rounds.map((round) => round.cpuUs)),
    p50Us: percentile(
      rounds.map((round) => round.p50Us),
      0,
    ),
    failed: rounds.reduce((sum, round) => sum + round.failed, 0),
  };
}

async function compare(subjects: Subject[], connections: number, rounds: number): Promise<Map<string, Round>> {
  const all = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  for (let i = 0; i < rounds; i += 1)
    for (const one of subjects) all.get(one.name)?.push(await measure(one, connections));
  return new Map([...all].map(([name, list]) => [name, best(list)]));
}

async function main(): Promise<void> {
  if (!programsAreThere()) return;
  const folder = mkdtempSync(join(tmpdir(), 'router-cost-'));
  const [backendPort, proxyPort] = [await chooseFreePort('127.0.0.1'), await chooseFreePort('127.0.0.1')];
  const body = `{"text":"${'x'.repeat(BODY_BYTES - 11)}"}`;
  writeFileSync(join(folder, 'body.json'), body);
  const answer = `  http-request return status 200 content-type application/json file ${join(folder, 'body.json')}`;
  const started: ChildProcess[] = [];
  const start = async (name: string, core: string, lines: string[]): Promise<ChildProcess> => {
    const one = await startHaproxy(folder, name, core, lines);
    started.push(one);
    return one;
  };
  let bench: RouterBench | null = null;
  try {
    await start('backend', LOAD_CORE, ['frontend in', `  bind 127.0.0.1:${backendPort}`, answer]);
    const proxy = await start('proxy', PROXY_CORE, [
      'frontend in',
      `  bind 127.0.0.1:${proxyPort}`,
      '  option forwardfor',
      '  default_backend out',
      'backend out',
      '  http-reuse always',
      `  server one 127.0.0.1:${backendPort}`,
    ]);
    bench = await openRouterBench();
    await bench.put([slotOf('one', backendPort)]);
    const pids = routerProcesses(bench.directory);
    for (const pid of pids) spawnSync('taskset', ['-a', '-c', '-p', PROXY_CORE, String(pid)]);
    for (const port of [backendPort, proxyPort]) while (!(await isPortOpen('127.0.0.1', port)));
    const direct: Subject = { name: 'direct', port: backendPort, pids: [] };
    const haproxy: Subject = { name: 'HAProxy', port: proxyPort, pids: [proxy.pid ?? 0] };
    const builtin: Subject = { name: 'builtin', port: bench.port, pids };
    await compare([haproxy, builtin], 50, 1); // warm-up: the compiler of Node needs some seconds
    const busy = await compare([direct, haproxy, builtin], 50, ROUNDS);
    const calm = await compare([direct, haproxy, builtin], 4, 3);
    printResult(busy, calm);
  } finally {
    await bench?.close();
    for (const one of started) one.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function printResult(busy: Map<string, Round>, calm: Map<string, Round>): void {
  console.log(
    '| subject | CPU us/request | req/s on one core | p50 us, 50 connections | p50 us, 4 connections |\n|---|---|---|---|---|',
  );
  for (const [name, round] of busy) {
    const cpu = name === 'direct' ? '' : round.cpuUs.toFixed(1);
    console.log(`| ${name} | ${cpu} | ${Math.round(round.perSecond)} | ${round.p50Us} | ${calm.get(name)?.p50Us} |`);
  }
  const of = (rounds: Map<string, Round>, name: string): Round => rounds.get(name) ?? best([]);
  const cpu = of(busy, 'builtin').cpuUs / of(busy, 'HAProxy').cpuUs;
  const speed = of(busy, 'builtin').perSecond / of(busy, 'HAProxy').perSecond;
  const addedMs = (of(calm, 'builtin').p50Us - of(calm, 'direct').p50Us) / 1000;
  const failed = of(busy, 'builtin').failed + of(calm, 'builtin').failed;
  const goals: Goal[] = [
    { what: 'CPU per request', measured: `${cpu.toFixed(2)} x HAProxy`, goal: '<= 4 x', isMet: cpu <= 4 },
    { what: 'throughput per core', measured: `${speed.toFixed(2)} x HAProxy`, goal: '>= 0.25 x', isMet: speed >= 0.25 },
    {
      what: 'added p50 at 4 connections',
      measured: `${addedMs.toFixed(2)} ms`,
      goal: '<= 0.3 ms',
      isMet: addedMs <= 0.3,
    },
    { what: 'failed requests', measured: String(failed), goal: '0', isMet: failed === 0 },
  ];
  printGoals('router-cost', goals);
}

await main();
