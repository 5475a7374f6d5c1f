import { join } from 'node:path';
import type { EngineParts } from '../engine/engine-parts.ts';
import { runExecutor } from '../engine/launch.ts';
import { realClock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import { openDatabase } from '../state/open-database.ts';
import { adapters } from './adapters.ts';
import { backupTools } from './backups.ts';
import { projectName } from './project-name.ts';
import { startExecutor } from './start-executor.ts';
import { variablesFor } from './variables-for.ts';

/** The executor process: runs the project's releases until none is left, and replaces itself when it loses its database. */
export async function runEngine(projectDirectory: string): Promise<number> {
  const stateDirectory = join(projectDirectory, '.shipway');
  const url = process.env['SHIPWAY_DATABASE_URL'] ?? null;
  const database = await openDatabase({ stateDirectory, url, applicationName: 'executor' });
  const log = createLog(join(stateDirectory, 'log', 'executor.log'), 'info');
  const parts: EngineParts = {
    database,
    adapters,
    backups: backupTools(projectDirectory, async () => database),
    variablesFor: (plan) => variablesFor(projectDirectory, plan),
    clock: realClock,
    project: projectName(projectDirectory),
    projectDirectory,
    stateDirectory,
    log,
  };
  const end = await runExecutor(parts, { stopWhenIdle: true });
  log.info({ end }, 'the executor ends');
  if (end === 'lost') {
    // What it ran is stopped; a fresh one observes the world before it acts.
    await startExecutor(projectDirectory);
    return 1;
  }
  await database.close();
  return 0;
}
