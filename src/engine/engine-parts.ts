import type { Logger } from 'pino';
import type { Plan } from '../core/plan/plan.ts';
import type { Variables } from '../platform/variables.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../state/open-database.ts';
import type { BackupTools } from './steps/step-backups.ts';
import type { Adapters } from './steps/step-tools.ts';

/** Everything the engine works with; wired once in main.ts. */
export interface EngineParts {
  database: Database;
  adapters: Adapters;
  backups: BackupTools;
  /** The variables of a plan's environment, loaded again for every step so that a mended env file is seen. */
  variablesFor(plan: Plan): Variables;
  /** Real time; releases with a speed get their own. */
  clock: Clock;
  /** Which project's releases it runs; a team's database holds several. */
  project: string;
  projectDirectory: string;
  stateDirectory: string;
  log: Logger;
}

/** The parts of one running executor. */
export interface Executor extends EngineParts {
  executorId: string;
  /** Fires when the executor has lost its database and with it the right to act. */
  lost: AbortSignal;
}
