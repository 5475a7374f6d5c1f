import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDirectory } from '../platform/files.ts';
import { startDetached } from '../platform/run-command.ts';

const PROGRAM = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin', 'shipway.js');

/** Starts an executor of the project in the background, in a session of its own; neither Ctrl-C nor the end of this process reaches it. */
export async function startExecutor(projectDirectory: string): Promise<void> {
  const logs = join(projectDirectory, '.shipway', 'log');
  await ensureDirectory(logs);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) environment[name] = value;
  await startDetached({
    argv: [process.execPath, PROGRAM, 'engine'],
    cwd: projectDirectory,
    environment,
    outputFile: join(logs, 'executor.out'),
  });
}
