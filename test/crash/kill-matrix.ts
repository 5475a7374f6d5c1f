import { createCrashProject, type CrashProject } from './crash-project.ts';
import { createGaps, type Gaps } from './gaps.ts';
import { runKillCase, type KillResult } from './kill-case.ts';
import { waitUntil } from '../support/wait-until.ts';
import { findExecutors, type Victim } from './victims.ts';

/**
 * The ways through the engine: a release that becomes stable, one that fails and is rolled back, and a stable one that is taken back by hand,
 * with its schema taken down or with the data of its backup.
 */
export const PATHS = ['release', 'rollback', 'down', 'restore'] as const;
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
  const state: Numbered = { project, number: 0, started: 0 };
  await releaseWell(state);
  return {
    project,
    gapsOf: async (path) => gapsPassed(project, path, (await begin(state, path)).command),
    async run(path, gap, victim, times = 1) {
      const result = await runKillCase(project, gaps, { ...(await begin(state, path)), gap, victim, times });
      if (result.state === 'needs-human') {
        await project.run(['unlock', 'crash', '--env', 'production', '--reason', 'crash test', '--yes'], {
          environment: project.environment,
        });
      }
      const wrong = wrongEnvironment(state, path, result.state);
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
}

const environmentOf = (number: number): string => `RELEASE_NUMBER=${number}\n`;

/** Every version is started with another environment, so that every way back has a file to put back; the one that goes leaves its own beside it. */
function wrongEnvironment({ project, started }: Numbered, path: Path, state: string): string[] {
  if (state === 'needs-human' || state === 'cancelled') return [];
  const found = project.read('.env');
  const isBack = path === 'down' || path === 'restore' || state !== 'stable';
  return (found !== environmentOf(started)) === isBack ? [] : [`the env file is ${found} after ${state}`];
}

/** The next release of the way, and what is typed for it; what has to be there before is done. */
async function begin(state: Numbered, path: Path): Promise<{ release: string; command: string[] }> {
  const { project } = state;
  if (path === 'release' || path === 'rollback') {
    const { release, version } = nextVersion(state, path === 'rollback' ? '-bad' : '');
    return { release, command: ['release', version, '--speed', '60'] };
  }
  await releaseWell(state);
  const command = ['rollback', '--data', path, '--reason', 'crash test'];
  const shown = await project.run([...command, '--dry-run', '--json'], { environment: project.environment });
  const since = (JSON.parse(shown.stdout) as { loss?: { since: string } }).loss?.since;
  if (since === undefined) throw new Error(`no loss was shown: ${shown.stdout}${shown.stderr}`);
  return { release: next(state, '').release, command: [...command, '--yes-lose-data-since', since] };
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
}

/** Runs one that nobody kills and returns the gaps it passed. */
async function gapsPassed(project: CrashProject, path: Path, command: string[]): Promise<string[]> {
  const gaps = createGaps();
  await executorsGone(project);
  const environment = { ...project.environment, ...gaps.environment };
  const ended = await project.run(command, { environment, limitSeconds: 120 });
  const wanted = path === 'rollback' ? 20 : 0;
  if (ended.exitCode !== wanted)
    throw new Error(`exit ${ended.exitCode}, expected ${wanted}: ${ended.stdout}${ended.stderr}`);
  const passed = gaps.passed();
  gaps.remove();
  return passed;
}

async function executorsGone(project: CrashProject): Promise<void> {
  await waitUntil('the executor before to be gone', () => findExecutors(project.directory).length === 0, {
    limitSeconds: 30,
  });
}
