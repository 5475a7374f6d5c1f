import type { Facts, ReleaseRequest, RollbackRequest } from './facts.ts';
import type { PlannedStep, PlannedUndo } from './plan.ts';

const ENVIRONMENT_LIMIT_SECONDS = 30; // one small file

/** Before anything changes: the env file is written down, so that going back can put the one before in its place. */
export function keepEnvironment(path: string, request: ReleaseRequest, facts: Facts): PlannedStep {
  const undo = undoOf(path, request, facts);
  return {
    id: 'lock.environment',
    kind: 'keep-environment',
    title: `write down, encrypted, with which ${path} this version is started`,
    input: {},
    commands: [],
    notes: notesOf(path, request, facts),
    undo,
    reversibility: undo === null ? 'nothing to undo' : 'reversible',
    limitSeconds: ENVIRONMENT_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

function undoOf(path: string, request: ReleaseRequest, { running, environmentFile }: Facts): PlannedUndo | null {
  const changes = running === null ? undefined : environmentFile?.changes[running.release];
  if (running === null || changes === undefined || request.keepEnvironment === true) return null;
  return {
    kind: 'return-environment',
    title:
      changes === null
        ? `leave ${path}: it is as ${running.version} was started with it (put back if it changes before the start)`
        : `put ${path} back as ${running.version} was started with it: ${changes}`,
    input: { release: running.release, version: running.version },
    commands: [],
    limitSeconds: ENVIRONMENT_LIMIT_SECONDS,
  };
}

function notesOf(path: string, request: ReleaseRequest, { running, environmentFile }: Facts): string[] {
  if (running === null) return [];
  const changes = environmentFile?.changes[running.release];
  if (request.keepEnvironment === true) return ['a rollback leaves it as it is (--keep-environment)'];
  if (changes !== undefined) return [];
  return [`with which one ${running.version} was started nobody wrote down: a rollback leaves ${path} as it is`];
}

/** By hand: the step that puts the file back, or why it stays. */
export function environmentOfRollback(
  request: RollbackRequest,
  facts: Facts & { running: NonNullable<Facts['running']> },
  target: string,
): { returning: PlannedStep | null; warning: string | null } {
  const { running, environmentFile: file } = facts;
  const release = facts.stableVersions.find((one) => one.version === target)?.release;
  if (file === undefined || file === null || release === undefined) return { returning: null, warning: null };
  const changes = file.changes[release];
  if (changes === null) return { returning: null, warning: null };
  if (changes === undefined) {
    return {
      returning: null,
      warning: `${file.path} stays as it is: nobody wrote down with which one ${target} was started`,
    };
  }
  if (request.envFile === 'keep') {
    return {
      returning: null,
      warning: `${file.path} stays as it is (--keep-environment); going back would mean: ${changes}`,
    };
  }
  const to = { release, target, changes };
  if (file.isAsStarted === true) return { returning: returnEnvironment(file.path, to, running), warning: null };
  if (request.envFile === 'return') return { returning: returnChanged(file.path, to, running), warning: null };
  return {
    returning: null,
    warning: `${file.path} stays as it is: somebody changed it after ${running.version} was started; going back would mean: ${changes}. --return-environment takes it back`,
  };
}

interface ReturnTo {
  release: string;
  target: string;
  changes: string;
}

/** What a person says what becomes of it: the file was changed after the version that runs was started, and going back changes something. */
export interface ChangedEnvFile {
  path: string;
  /** Which runs. */
  running: string;
  /** Which returns. */
  target: string;
  /** Names of variables, never a value. */
  changes: string;
}

/** null: nobody has to be asked. */
export function changedEnvFile(
  target: string,
  { running, environmentFile: file, stableVersions }: Pick<Facts, 'running' | 'environmentFile' | 'stableVersions'>,
): ChangedEnvFile | null {
  const release = stableVersions.find((one) => one.version === target)?.release;
  if (file === undefined || file === null || running === null || release === undefined) return null;
  const changes = file.changes[release];
  if (changes === null || changes === undefined || file.isAsStarted === true) return null;
  return { path: file.path, running: running.version, target, changes };
}

/** What was changed is replaced as well; a person said so. */
function returnChanged(path: string, to: ReturnTo, running: { release: string; version: string }): PlannedStep {
  const step = returnEnvironment(path, to, running);
  return {
    ...step,
    title: `${step.title}, though somebody changed it after ${running.version} was started`,
    input: { ...step.input, replaces: 'anything' },
  };
}

function returnEnvironment(path: string, to: ReturnTo, running: { release: string }): PlannedStep {
  return {
    id: 'deploy.environment',
    kind: 'return-environment',
    title: `put ${path} back as ${to.target} was started with it: ${to.changes}`,
    input: { release: to.release, version: to.target, from: running.release },
    commands: [],
    notes: ['what is there now stays beside it, until backup discard'],
    undo: null,
    reversibility: 'reversible',
    limitSeconds: ENVIRONMENT_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}
