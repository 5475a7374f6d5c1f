import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'rolldown/utils';
import { builtProgram, IMPORT } from './build-programs.ts';

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
  const file = join(folder, 'script.mjs');
  const imports = code.replaceAll(IMPORT, (_, source: string) => builtProgram(source));
  writeFileSync(file, transformSync('script.ts', imports).code);
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [file], {
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
