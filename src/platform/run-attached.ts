import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface AttachedRequest {
  argv: string[];
  cwd: string;
  environment: Record<string, string | undefined>;
  /** Gets every line of stdout; without it the program writes to our own terminal. */
  onLine?: (line: string) => void;
}

/** A program that lives as long as we do: it holds our end of its standard input. */
export interface AttachedProgram {
  pid: number;
  /** Exit code, or null when a signal ended it. */
  ended: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

/** Starts a program in our foreground: on our terminal, or with its lines handed to us. It is not masked: only for programs of our own. */
export function startAttached(request: AttachedRequest): AttachedProgram {
  const [program = '', ...args] = request.argv;
  const output = request.onLine === undefined ? 'inherit' : 'pipe';
  const child = spawn(program, args, {
    cwd: request.cwd,
    env: request.environment,
    stdio: ['pipe', output, 'inherit'],
  });
  if (child.stdout !== null && request.onLine !== undefined)
    createInterface({ input: child.stdout }).on('line', request.onLine);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  return { pid: child.pid ?? 0, ended, signal: (name) => void child.kill(name) };
}
