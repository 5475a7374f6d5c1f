import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtProgram } from './build-programs.ts';

export interface GappedEnd {
  signal: string | null;
  exitCode: number | null;
  stderr: string;
  /** Names of the gaps that were passed, in order. */
  passed: string[];
}

/** Runs a program of `test/fixtures/processes`; killed with SIGKILL at the named gap (null: only noted). */
export async function runGapped(program: string, argument: unknown, killAt: string | null): Promise<GappedEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-gaps-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'do'), 'kill');
  writeFileSync(join(folder, 'at'), JSON.stringify(killAt === null ? [] : [killAt]));
  writeFileSync(join(folder, 'passed'), '');
  const child = spawn(process.execPath, [builtProgram(program), JSON.stringify(argument)], {
    env: { ...process.env, SHIPWAY_GAPS: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (code, killed) => resolve([code, killed])),
  );
  const passed = readFileSync(join(folder, 'passed'), 'utf8').split('\n').filter(Boolean);
  rmSync(folder, { recursive: true });
  return { signal, exitCode, stderr, passed };
}
