import { join } from 'node:path';
import { ensureDirectory } from '../platform/files.ts';
import { packageFolder } from '../platform/package-folder.ts';
import { startDetached } from '../platform/run-command.ts';

/** Starts an executor of the project in the background, in a session of its own; neither Ctrl-C nor the end of this process reaches it. */
export async function startExecutor(projectDirectory: string): Promise<void> {
  const logs = join(projectDirectory, '.shipway', 'log');
  await ensureDirectory(logs);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) environment[name] = value;
  await startDetached({
    argv: [process.execPath, join(packageFolder(), 'bin', 'shipway.js'), 'engine'],
    cwd: projectDirectory,
    environment,
    outputFile: join(logs, 'executor.out'),
  });
}
