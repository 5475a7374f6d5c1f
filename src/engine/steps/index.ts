import type { StepKindName } from '../../core/plan/plan.ts';
import { applyVersionStep } from './apply-version.ts';
import { awaitApprovalStep } from './await-approval.ts';
import { backupDataStep } from './backup-data.ts';
import { beginMaintenanceStep } from './begin-maintenance.ts';
import { checkHealthStep } from './check-health.ts';
import { copyBackupStep } from './copy-backup.ts';
import { doNothingStep } from './do-nothing.ts';
import { endMaintenanceStep } from './end-maintenance.ts';
import { keepEnvironmentStep } from './keep-environment.ts';
import { migrateDownStep } from './migrate-down.ts';
import { migrateUpStep } from './migrate-up.ts';
import { prestageRestoreStep } from './prestage-restore.ts';
import { proveBackupStep } from './prove-backup.ts';
import { retireVersionStep } from './retire-version.ts';
import { returnEnvironmentStep } from './return-environment.ts';
import { returnTrafficStep } from './return-traffic.ts';
import { revertVersionStep } from './revert-version.ts';
import { runChecksStep } from './run-checks.ts';
import { shiftTrafficStep } from './shift-traffic.ts';
import { stageRestoreStep } from './stage-restore.ts';
import { startPreviousStep } from './start-previous.ts';
import type { Step } from './step.ts';
import { stopVersionStep } from './stop-version.ts';
import { swapRestoreStep } from './swap-restore.ts';
import { takeLockStep } from './take-lock.ts';
import { watchVersionStep } from './watch-version.ts';

/** Every kind of step, by its name; a new one is a file and a line here. */
export const STEPS: Record<StepKindName, Step> = {
  'run-checks': runChecksStep,
  'await-approval': awaitApprovalStep,
  'take-lock': takeLockStep,
  'backup-data': backupDataStep,
  'prove-backup': proveBackupStep,
  'prestage-restore': prestageRestoreStep,
  'keep-environment': keepEnvironmentStep,
  'return-environment': returnEnvironmentStep,
  'copy-backup': copyBackupStep,
  'migrate-up': migrateUpStep,
  'migrate-down': migrateDownStep,
  'apply-version': applyVersionStep,
  'revert-version': revertVersionStep,
  'check-health': checkHealthStep,
  'shift-traffic': shiftTrafficStep,
  'return-traffic': returnTrafficStep,
  'watch-version': watchVersionStep,
  'retire-version': retireVersionStep,
  'start-previous': startPreviousStep,
  'stage-restore': stageRestoreStep,
  'stop-version': stopVersionStep,
  'swap-restore': swapRestoreStep,
  'begin-maintenance': beginMaintenanceStep,
  'end-maintenance': endMaintenanceStep,
  'do-nothing': doNothingStep,
};
