// What a switch, a crash and an upgrade of the builtin router cost its clients. Run: npm run bench:router
import { setTimeout as delay } from 'node:timers/promises';
import { askPrimaryOnce } from '../src/adapters/routers/builtin/admin-client.ts';
import { routerEntry } from '../src/adapters/routers/builtin/router-entry.ts';
import { startClients } from '../src/adapters/routers/client-load.suite.ts';
import type { ClientLoad } from '../src/adapters/routers/client-load.suite.ts';
import { openRouterBench, percentile, printGoals } from './router-bench.ts';
import type { Goal, RouterBench } from './router-bench.ts';

const SWITCHES = 100;
const REQUESTS = 100_000;
const HEAVY = { keepAlive: 40, oneShot: 8, webSockets: 4 };
const LIGHT = { keepAlive: 12, oneShot: 4, webSockets: 0 }; // the switch is measured, not the queue before it
const CLIENTS = HEAVY.keepAlive + HEAVY.oneShot + HEAVY.webSockets;

const ms = (values: number[], share: number): string => `${percentile(values, share).toFixed(1)} ms`;

function losses(what: string, load: ClientLoad, failuresMax: number, goal: string): Goal {
  const kinds = [...new Set(load.failures)].slice(0, 3).join('; ');
  const measured = `${load.failures.length} of ${load.sent()}${kinds && ` (${kinds})`}`;
  return { what, measured, goal, isMet: load.failures.length <= failuresMax };
}

async function switchUnderLoad(bench: RouterBench): Promise<Goal[]> {
  let old = await bench.openVersion('s0');
  await bench.put([old]);
  const load = startClients({ port: bench.port, ...HEAVY });
  for (let i = 1; i <= SWITCHES; i += 1) {
    const next = await bench.openVersion(`s${i}`);
    await bench.put([next]);
    if ((await bench.router.drained(old.id, 30, bench.effect)) !== 'drained') throw new Error('not drained');
    await bench.killVersion(old.id);
    old = next;
    while (load.sent() < (REQUESTS / SWITCHES) * i) await delay(5);
  }
  await load.stop();
  const goal = losses(
    `${SWITCHES} switches, ${CLIENTS} clients, 22 % POST, WebSockets`,
    load,
    0,
    '0 failed of >= 100,000',
  );
  return [{ ...goal, isMet: goal.isMet && load.sent() >= REQUESTS }];
}

async function killAtSwitch(bench: RouterBench): Promise<Goal[]> {
  let old = await bench.openVersion('k0');
  await bench.put([old]);
  const load = startClients({ port: bench.port, ...HEAVY });
  for (let i = 1; i <= 10; i += 1) {
    await delay(100);
    const next = await bench.openVersion(`k${i}`);
    await bench.put([next]);
    await bench.killVersion(old.id);
    old = next;
  }
  await load.stop();
  const measured = `${load.failures.length} of ${load.sent()}`;
  return [
    {
      what: 'control: old version killed at once, 10 switches',
      measured,
      goal: '> 0 failed',
      isMet: load.failures.length > 0,
    },
  ];
}

async function timeSwitches(bench: RouterBench): Promise<Goal[]> {
  const [blue, green] = [await bench.openVersion('blue'), await bench.openVersion('green')];
  await bench.put([blue]);
  const load = startClients({ port: bench.port, ...LIGHT });
  const puts: number[] = [];
  const firsts: number[] = [];
  for (let i = 0; i < SWITCHES; i += 1) {
    const [next, old] = i % 2 === 0 ? [green, blue] : [blue, green];
    await bench.router.drained(next.id, 30, bench.effect); // or the last slow answer of the time before would count as the first
    const beganMs = performance.now();
    const first = load.nextAnswerOf(next.id);
    await bench.put([next, { ...old, weight: 0 }]);
    puts.push(performance.now() - beganMs);
    firsts.push((await first) - beganMs);
    await delay(50);
  }
  await load.stop();
  return [
    losses('the same with both versions warm, 16 clients', load, 0, '0 failed'),
    {
      what: 'put acknowledged by both workers, on disk',
      measured: `p50 ${ms(puts, 0.5)}, p99 ${ms(puts, 0.99)}`,
      goal: 'p50 <= 5 ms',
      isMet: percentile(puts, 0.5) <= 5,
    },
    {
      what: 'first new answer after the command (answers take 0-15 ms, both versions warm)',
      measured: `p50 ${ms(firsts, 0.5)}, p99 ${ms(firsts, 0.99)}`,
      goal: 'p50 <= 25 ms, p99 <= 250 ms',
      isMet: percentile(firsts, 0.5) <= 25 && percentile(firsts, 0.99) <= 250,
    },
    {
      what: 'revert to a warm version: first old answer (the same samples: each switch here is one)',
      measured: `p50 ${ms(firsts, 0.5)}, p99 ${ms(firsts, 0.99)}, max ${ms(firsts, 1)}`,
      goal: 'p99 <= 100 ms',
      isMet: percentile(firsts, 0.99) <= 100,
    },
  ];
}

async function killWorkers(bench: RouterBench): Promise<Goal[]> {
  await bench.put([await bench.openVersion('w')]);
  const load = startClients({ port: bench.port, ...HEAVY });
  const backMs: number[] = [];
  const gapsMs: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    await delay(200);
    const victim = (await bench.report()).workers[0]?.pid ?? 0;
    const beganMs = performance.now();
    process.kill(victim, 'SIGKILL');
    gapsMs.push((await load.nextAnswerOf('w')) - beganMs);
    while ((await bench.report()).workers.filter(({ isServing, pid }) => isServing && pid !== victim).length < 2)
      await delay(5);
    backMs.push(performance.now() - beganMs);
  }
  await load.stop();
  const refused = load.failures.filter((failure) => failure.includes('ECONNREFUSED')).length;
  return [
    losses('10 workers killed: only what was in flight', load, 10 * CLIENTS, `<= ${CLIENTS} each`),
    { what: 'refused connections meanwhile', measured: String(refused), goal: '0', isMet: refused === 0 },
    {
      what: 'next answer after the kill',
      measured: `p50 ${ms(gapsMs, 0.5)}, max ${ms(gapsMs, 1)}`,
      goal: '< 250 ms',
      isMet: percentile(gapsMs, 1) < 250,
    },
    {
      what: 'two workers again',
      measured: `p50 ${ms(backMs, 0.5)}, max ${ms(backMs, 1)}`,
      goal: 'stated',
      isMet: true,
    },
  ];
}

async function killPrimaries(bench: RouterBench): Promise<Goal[]> {
  const load = startClients({ port: bench.port, ...HEAVY });
  const backMs: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    await delay(300);
    const beganMs = performance.now();
    process.kill((await bench.report()).pid, 'SIGKILL');
    await bench.router.ensureRunning(bench.effect);
    backMs.push(performance.now() - beganMs);
  }
  await load.stop();
  return [
    losses('5 primaries killed', load, 0, '0 failed'),
    {
      what: 'heir answers (requests are served all the while)',
      measured: `p50 ${ms(backMs, 0.5)}, max ${ms(backMs, 1)}`,
      goal: 'stated',
      isMet: true,
    },
  ];
}

async function upgrade(bench: RouterBench): Promise<Goal[]> {
  const load = startClients({ port: bench.port, ...HEAVY });
  const tookMs: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    await delay(300);
    const beganMs = performance.now();
    const body = { execPath: process.execPath, entry: routerEntry() };
    const reply = await askPrimaryOnce(bench.directory, { method: 'POST', path: '/upgrade', body });
    if (reply?.status !== 200) throw new Error(`upgrade: ${JSON.stringify(reply)}`);
    tookMs.push(performance.now() - beganMs);
  }
  while ((await bench.report()).workers.length > 2) await delay(50);
  await load.stop();
  return [losses(`10 upgrades of the whole router (p50 ${ms(tookMs, 0.5)})`, load, 0, '0 failed')];
}

async function crashWhole(bench: RouterBench): Promise<Goal[]> {
  const backMs: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const { pid, workers } = await bench.report();
    for (const one of [pid, ...workers.map((worker) => worker.pid)]) process.kill(one, 'SIGKILL');
    await delay(100);
    const beganMs = performance.now();
    await bench.router.ensureRunning(bench.effect);
    backMs.push(performance.now() - beganMs);
    const answer = await fetch(`http://127.0.0.1:${bench.port}/now`);
    if (!(await answer.text()).startsWith('w ')) throw new Error('came back with another state');
  }
  return [
    {
      what: 'all its processes killed: back on its port with its state',
      measured: `p50 ${ms(backMs, 0.5)}, max ${ms(backMs, 1)}`,
      goal: 'p50 <= 250 ms',
      isMet: percentile(backMs, 0.5) <= 250,
    },
  ];
}

const bench = await openRouterBench();
const goals: Goal[] = [];
try {
  for (const part of [timeSwitches, switchUnderLoad, killAtSwitch, killWorkers, killPrimaries, upgrade, crashWhole]) {
    goals.push(...(await part(bench)));
    console.error(`${part.name} done after ${Math.round(performance.now() / 1000)} s`);
  }
} finally {
  await bench.close();
}
printGoals('router-switch', goals);
