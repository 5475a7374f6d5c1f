import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin', 'shipway.js');

export interface RunOptions {
  /** The project: where the release file lies. */
  directory: string;
  /** Added to a small environment of PATH and HOME; nothing else of the test's own environment gets through. */
  environment?: Record<string, string>;
  /** Default 60 s; then the process is killed and the promise fails with what it printed so far. */
  limitSeconds?: number;
}

export interface Ended {
  /** null when a signal ended it. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** One shipway command that is under way. */
export interface RunningShipway {
  readonly pid: number;
  /** What it printed so far. */
  stdout(): string;
  stderr(): string;
  /** Sends the signal to this one process, as a terminal or a crash would. */
  kill(signal?: NodeJS.Signals): void;
  /** Settles when it has ended and both streams are read. */
  readonly ended: Promise<Ended>;
}

/** Runs `shipway ARGS…` as a person without a terminal would and waits for its end. */
export async function runShipway(args: string[], options: RunOptions): Promise<Ended> {
  return startShipway(args, options).ended;
}

/** Starts `shipway ARGS…` and returns at once. The caller awaits `ended`, also after a kill. */
export function startShipway(args: string[], options: RunOptions): RunningShipway {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: options.directory,
    env: childEnvironment(options.environment ?? {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = waitForEnd(child, output, `shipway ${args.join(' ')}`, options.limitSeconds ?? 60);
  // A test that only kills does not await `ended`; its failure must not end the whole test process.
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? -1,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    ended,
  };
}

function childEnvironment(extra: Record<string, string>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'LANG']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, NO_COLOR: '1', ...extra };
}

function waitForEnd(
  child: ChildProcessByStdio<null, Readable, Readable>,
  output: { stdout: string; stderr: string },
  name: string,
  limitSeconds: number,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} had not ended after ${limitSeconds} s; it printed:\n${output.stdout}${output.stderr}`));
    }, limitSeconds * 1000);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ exitCode, signal, ...output });
    });
  });
}
