import type { Registration } from '../session.ts';
import { registerAbort } from './abort.ts';
import { registerApprove } from './approve.ts';
import { registerAttach } from './attach.ts';
import { registerBackup } from './backup.ts';
import { registerCompletion } from './completion.ts';
import { registerDemo } from './demo.ts';
import { registerDoctor } from './doctor.ts';
import { registerEngine } from './engine.ts';
import { registerHistory } from './history.ts';
import { registerInit } from './init.ts';
import { registerMigrate } from './migrate.ts';
import { registerPause } from './pause.ts';
import { registerPlan } from './plan.ts';
import { registerRehearse } from './rehearse.ts';
import { registerRelease } from './release.ts';
import { registerResume } from './resume.ts';
import { registerRollback } from './rollback.ts';
import { registerSchema } from './schema.ts';
import { registerShow } from './show.ts';
import { registerStore } from './store.ts';
import { registerStatus } from './status.ts';
import { registerUnlock } from './unlock.ts';
import { registerVerify } from './verify.ts';

/** Every command, in the order of `shipway --help`; a new one is a file and a line here. */
export const COMMANDS: readonly Registration[] = [
  registerInit,
  registerPlan,
  registerRelease,
  registerStatus,
  registerShow,
  registerAttach,
  registerApprove,
  registerAbort,
  registerPause,
  registerResume,
  registerRollback,
  registerHistory,
  registerUnlock,
  registerVerify,
  registerBackup,
  registerStore,
  registerMigrate,
  registerRehearse,
  registerSchema,
  registerDoctor,
  registerCompletion,
  registerDemo,
  registerEngine,
];
