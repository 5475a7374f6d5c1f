import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { problem } from '../core/release/problem.ts';
import { realClock } from './clock.ts';
import { errorCode } from './error-code.ts';
import { identifyChild, stopGroup } from './process-table.ts';
import { redact } from './redact.ts';

export interface PipedRequest {
  argv: string[];
  cwd: string;
  /** The whole environment of the child. */
  environment: Record<string, string>;
}

/** A program that we talk to in bytes, as long as we want. */
export interface PipedProgram {
  /** Waits while the program does not read. */
  write(data: Buffer): Promise<void>;
  readonly output: AsyncIterable<Buffer>;
  /** The end of what it wrote to stderr, masked. */
  stderr(): string;
  /** Settles when it has ended and both streams are read; exit code, or null when a signal ended it. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

const STDERR_BYTES_MAX = 16 * 1024;
const GRACE_SECONDS = 2; // it has nothing to finish: what matters is acknowledged

/** Starts a program of which nothing is printed or logged. It must be stopped by whoever started it. */
export async function startPiped({ argv, cwd, environment }: PipedRequest): Promise<PipedProgram> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { cwd, env: environment, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    const why = errorCode(error) === 'ENOENT' ? 'the program was not found in PATH' : redact(error.message);
    throw problem('command-failed', `${program} was not started: ${why}`, { where: cwd, next: `Install ${program}.` });
  }
  const identity = identifyChild(child.pid);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_BYTES_MAX)));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return {
    write: writerOf(child.stdin),
    output: child.stdout,
    stderr: () => redact(stderr.trim()),
    ended,
    async stop() {
      child.stdin.destroy();
      if (identity !== null) await stopGroup(identity, GRACE_SECONDS, realClock);
      await ended;
    },
  };
}

/** However many write at the same time, they wait for the same moment. */
function writerOf(input: Writable): PipedProgram['write'] {
  let wake: () => void = () => undefined;
  let room: Promise<void> | null = null;
  const goOn = (): void => {
    wake();
    room = null;
  };
  // That the program has ended is said by `ended`; a broken pipe says no more.
  for (const sign of ['drain', 'close', 'error']) input.on(sign, goOn);
  return async (data) => {
    if (input.destroyed || input.write(data)) return;
    room ??= new Promise((resolve) => (wake = resolve));
    await room;
  };
}
