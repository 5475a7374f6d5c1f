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
  if (request.keepEnvironment === true) {
    return {
      returning: null,
      warning: `${file.path} stays as it is (--keep-environment); going back would mean: ${changes}`,
    };
  }
  if (file.isAsStarted !== true) {
    return {
      returning: null,
      warning: `${file.path} stays as it is: somebody changed it after ${running.version} was started; going back would mean: ${changes}`,
    };
  }
  return { returning: returnEnvironment(file.path, { release, target, changes }, running.release), warning: null };
}

function returnEnvironment(
  path: string,
  to: { release: string; target: string; changes: string },
  from: string,
): PlannedStep {
  return {
    id: 'deploy.environment',
    kind: 'return-environment',
    title: `put ${path} back as ${to.target} was started with it: ${to.changes}`,
    input: { release: to.release, version: to.target, from },
    commands: [],
    notes: ['what is there now stays beside it, until backup discard'],
    undo: null,
    reversibility: 'reversible',
    limitSeconds: ENVIRONMENT_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}
