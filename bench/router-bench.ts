import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askPrimary } from '../src/adapters/routers/builtin/admin-client.ts';
import type { RouterReport } from '../src/adapters/routers/builtin/admin-client.ts';
import { openBuiltinRouter } from '../src/adapters/routers/builtin/builtin-router.ts';
import type { Router, Slot } from '../src/adapters/routers/router.ts';
import type { Effect } from '../src/platform/effect.ts';
import { testEffect } from '../test/support/test-effect.ts';

/** A running router with versions of a service behind it. */
export interface RouterBench {
  router: Router;
  effect: Effect;
  port: number;
  directory: string;
  report(): Promise<RouterReport>;
  openVersion(name: string): Promise<Slot>;
  killVersion(name: string): Promise<void>;
  put(slots: Slot[]): Promise<void>;
  close(): Promise<void>;
}

export async function openRouterBench(): Promise<RouterBench> {
  const folder = mkdtempSync(join(tmpdir(), 'router-bench-'));
  const effect = testEffect(folder);
  const settings = { listen: { host: '127.0.0.1', port: 0 }, component: 'api' };
  const router = openBuiltinRouter(settings, { service: 'bench', environment: 'local' });
  const backend = fork(fileURLToPath(new URL('./router-backend.mjs', import.meta.url)), { execArgv: [] });
  const { port } = await router.ensureRunning(effect);
  const directory = join(effect.stateDirectory, 'routers', 'bench.local');
  let generation = 0;
  return {
    router,
    effect,
    port,
    directory,
    report: async () =>
      (await askPrimary(directory, { method: 'GET', path: '/state' }))?.body as unknown as RouterReport,
    openVersion: async (name) => slotOf(name, await tell(backend, 'open', name)),
    killVersion: async (name) => void (await tell(backend, 'kill', name)),
    put: (slots) => router.put({ generation: (generation += 1), slots }, effect),
    async close() {
      await router.stop(effect);
      backend.disconnect();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function slotOf(name: string, port: number): Slot {
  return { id: name, release: name, version: name, host: '127.0.0.1', port, weight: 100 };
}

function tell(backend: ChildProcess, act: string, name: string): Promise<number> {
  return new Promise((resolve) => {
    const listen = (answer: { name: string; port: number }): void => {
      if (answer.name !== name) return;
      backend.off('message', listen);
      resolve(answer.port);
    };
    backend.on('message', listen);
    backend.send({ act, name });
  });
}

export interface Goal {
  what: string;
  measured: string;
  goal: string;
  isMet: boolean;
}

/** Prints the table and sets the exit code: 1 when a goal is missed. */
export function printGoals(title: string, goals: Goal[]): void {
  console.log(
    `\n${title} (Node ${process.version}, load average ${(loadavg()[0] ?? 0).toFixed(1)} of other work included)\n`,
  );
  console.log('| what | measured | goal | |\n|---|---|---|---|');
  for (const { what, measured, goal, isMet } of goals)
    console.log(`| ${what} | ${measured} | ${goal} | ${isMet ? 'PASS' : 'FAIL'} |`);
  if (goals.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
