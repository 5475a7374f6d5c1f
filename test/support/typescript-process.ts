import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const JITI = join(ROOT, 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs');

export interface TypescriptProcess {
  child: ChildProcess;
  /** What it printed so far. */
  stdout(): string;
  stderr(): string;
  /** Settles with exit code or signal when it has ended and all of its output was read. */
  ended: Promise<number | NodeJS.Signals>;
}

/**
 * Runs TypeScript in a process of its own, so that a test can kill it. `@/` in an import stands for the root of the repository.
 * The file is deleted when the process ends.
 */
export function startTypescript(code: string, environment: Record<string, string> = {}): TypescriptProcess {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-script-'));
  const file = join(folder, 'script.mts');
  writeFileSync(file, code.replaceAll(/from '@\//g, `from '${ROOT}/`));
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [JITI, file], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (exitCode, signal) => {
      rmSync(folder, { recursive: true, force: true });
      resolve(exitCode ?? signal ?? 'SIGKILL');
    });
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}
