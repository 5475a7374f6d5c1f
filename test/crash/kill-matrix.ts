import { createCrashProject, type CrashProject } from './crash-project.ts';
import { createGaps, type Gaps } from './gaps.ts';
import { runKillCase, type KillCase, type KillResult } from './kill-case.ts';
import { waitUntil } from '../support/wait-until.ts';
import { findExecutors, type Victim } from './victims.ts';

/**
 * The ways through the engine: a release that becomes stable, one that fails and is rolled back, a stable one that is taken back by hand,
 * with its schema taken down or with the data of its backup, a release beside whose data a copy waits, and one that is turned around to that copy.
 */
export const PATHS = ['release', 'rollback', 'down', 'restore', 'prestaged', 'turned'] as const;
export type Path = (typeof PATHS)[number];

export interface MatrixRow extends KillResult {
  path: Path;
  gap: string;
  victim: Victim;
  times: 1 | 2;
}

/** A project in which release after release is killed; versions and ids are counted up. */
export interface Matrix {
  project: CrashProject;
  /** Every gap that a release, and a release that rolls back, passes; asked from the program itself. */
  gapsOf(path: Path): Promise<string[]>;
  run(path: Path, gap: string, victim: Victim, times?: 1 | 2): Promise<MatrixRow>;
  remove(): Promise<void>;
}

export async function createMatrix(): Promise<Matrix> {
  const project = await createCrashProject();
  const gaps: Gaps = createGaps();
  const state: Numbered = { project, number: 0, started: 0, live: null };
  await releaseWell(state);
  return {
    project,
    async gapsOf(path) {
      const { back, command } = await begin(state, path);
      const passed = await gapsPassed(project, path, command);
      state.live = path === 'release' || path === 'prestaged' ? state.started : back;
      return passed;
    },
    async run(path, gap, victim, times = 1) {
      const { back, ...begun } = await begin(state, path);
      const result = await runKillCase(project, gaps, { ...begun, gap, victim, times });
      if (result.state === 'needs-human') {
        await project.run(['unlock', 'crash', '--env', 'production', '--reason', 'crash test', '--yes'], {
          environment: project.environment,
        });
      }
      const wrong = wrongEnvironment(state, back, { path, state: result.state });
      return { path, gap, victim, times, ...result, faults: [...result.faults, ...wrong] };
    },
    async remove() {
      gaps.remove();
      await project.remove();
    },
  };
}

interface Numbered {
  project: CrashProject;
  number: number;
  /** Of the version that was started last: its number stands in the env file that it was started with. */
  started: number;
  /** Of the version that serves; null: a person was needed, and nobody has looked. */
  live: number | null;
}

const environmentOf = (number: number): string => `RELEASE_NUMBER=${number}\n`;

/**
 * Every version is started with another environment, so that every way back has a file to put back: the one of the version that serves again.
 * Remembers which one that is.
 */
function wrongEnvironment(state: Numbered, back: number | null, ended: { path: Path; state: string }): string[] {
  if (ended.state === 'needs-human') state.live = null;
  if (ended.state === 'needs-human' || ended.state === 'cancelled') return [];
  const isForward = !['down', 'restore', 'turned'].includes(ended.path) && ended.state === 'stable';
  state.live = isForward ? state.started : back;
  const found = state.project.read('.env');
  const isRight = state.live === null ? found !== environmentOf(state.started) : found === environmentOf(state.live);
  return isRight ? [] : [`the env file is ${found} after ${ended.state}, and ${state.live} serves`];
}

/** The next release of the way, and what is typed for it; what has to be there before is done. */
async function begin(
  state: Numbered,
  path: Path,
): Promise<{ release: string; command: KillCase['command']; back: number | null }> {
  const { project } = state;
  project.prestage(path === 'prestaged' || path === 'turned' ? 'yes' : 'no');
  if (path === 'turned') {
    const { release, version } = nextVersion(state, '');
    return {
      release,
      command: (environment) => watchedRelease(project, { release, version }, environment),
      back: state.live,
    };
  }
  if (path !== 'down' && path !== 'restore') {
    const { release, version } = nextVersion(state, path === 'rollback' ? '-bad' : '');
    return { release, command: ['release', version, '--speed', '60'], back: state.live };
  }
  await releaseWell(state);
  const command = ['rollback', '--data', path, '--reason', 'crash test'];
  const shown = await project.run([...command, '--dry-run', '--json'], { environment: project.environment });
  const { loss, plan } = JSON.parse(shown.stdout) as {
    loss?: { since: string };
    plan: { version: { number: string } };
  };
  const since = loss?.since;
  if (since === undefined) throw new Error(`no loss was shown: ${shown.stdout}${shown.stderr}`);
  const back = Number(plan.version.number.split('.').at(-1));
  return { release: next(state, '').release, command: [...command, '--yes-lose-data-since', since], back };
}

const WATCHED_LIMIT_SECONDS = 120;

/** Releases until it is watched, as slowly as the release file says; returns what is typed to take its data back. */
async function watchedRelease(
  project: CrashProject,
  { release, version }: { release: string; version: string },
  environment: Record<string, string>,
): Promise<string[]> {
  await executorsGone(project);
  const command = ['rollback', '--data', 'restore', '--reason', 'crash test'];
  const options = { environment, limitSeconds: WATCHED_LIMIT_SECONDS };
  const started = await project.run(['release', version, '--detach'], options);
  const isWatched = async (): Promise<boolean> => {
    const shown = await project.run(['show', release, '--json'], options);
    return (JSON.parse(shown.stdout) as { release: { state: string } }).release.state === 'watching';
  };
  await waitUntil(`${version} to be watched: ${started.stdout}${started.stderr}`, isWatched, {
    limitSeconds: WATCHED_LIMIT_SECONDS,
    everyMs: 200,
  });
  const asked = await project.run([...command, '--yes'], options);
  const since = /add --yes-lose-data-since (\S+)/.exec(`${asked.stdout}${asked.stderr}`)?.[1];
  if (since === undefined) throw new Error(`no loss was shown: ${asked.stdout}${asked.stderr}`);
  return [...command, '--yes-lose-data-since', since];
}

function next(state: Numbered, suffix: string): { release: string; version: string } {
  state.number += 1;
  return { release: `r-${String(state.number).padStart(4, '0')}`, version: `1.0.${state.number}${suffix}` };
}

function nextVersion(state: Numbered, suffix: string): { release: string; version: string } {
  const made = next(state, suffix);
  state.started = state.number;
  state.project.write('.env', environmentOf(state.started), 0o600);
  return made;
}

async function releaseWell(state: Numbered): Promise<void> {
  const { version } = nextVersion(state, '');
  const { project } = state;
  // An idle one would take this release with the gaps of the case before.
  await executorsGone(project);
  const ended = await project.run(['release', version, '--speed', '60'], {
    environment: project.environment,
    limitSeconds: 120,
  });
  if (ended.exitCode !== 0) throw new Error(`a release before failed: ${ended.stdout}${ended.stderr}`);
  state.live = state.started;
}

/** Runs one that nobody kills and returns the gaps it passed. */
async function gapsPassed(project: CrashProject, path: Path, command: KillCase['command']): Promise<string[]> {
  const gaps = createGaps();
  await executorsGone(project);
  const environment = { ...project.environment, ...gaps.environment };
  const typed = typeof command === 'function' ? await command(environment) : command;
  const before = gaps.passed();
  const ended = await project.run(typed, { environment, limitSeconds: 120 });
  const wanted = path === 'rollback' ? 20 : 0;
  if (ended.exitCode !== wanted)
    throw new Error(`exit ${ended.exitCode}, expected ${wanted}: ${ended.stdout}${ended.stderr}`);
  const passed = gaps.passed().filter((gap) => !before.includes(gap));
  gaps.remove();
  return passed;
}

async function executorsGone(project: CrashProject): Promise<void> {
  await waitUntil('the executor before to be gone', () => findExecutors(project.directory).length === 0, {
    limitSeconds: 30,
  });
}
