import { createCrashProject, type CrashProject } from './crash-project.ts';
import { createGaps, type Gaps } from './gaps.ts';
import { runKillCase, type KillResult } from './kill-case.ts';
import { waitUntil } from '../support/wait-until.ts';
import { findExecutors, type Victim } from './victims.ts';

/** The two ways through the engine: a release that becomes stable, and one that fails and is rolled back. */
export type Path = 'release' | 'rollback';

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
  let number = 0;
  const environmentOf = (of: number): string => `RELEASE_NUMBER=${of}\n`;
  const next = (path: Path): { release: string; version: string } => {
    number += 1;
    // Every version is started with another environment, so that every way back has a file to put back.
    project.write('.env', environmentOf(number), 0o600);
    return {
      release: `r-${String(number).padStart(4, '0')}`,
      version: `1.0.${number}${path === 'rollback' ? '-bad' : ''}`,
    };
  };
  const first = next('release');
  const begun = await project.run(['release', first.version, '--speed', '60'], {
    environment: project.environment,
    limitSeconds: 120,
  });
  if (begun.exitCode !== 0) throw new Error(`the first release failed: ${begun.stdout}${begun.stderr}`);
  return {
    project,
    gapsOf: (path) => gapsPassed(project, path, next(path).version),
    async run(path, gap, victim, times = 1) {
      const result = await runKillCase(project, gaps, { ...next(path), gap, victim, times });
      if (result.state === 'needs-human') {
        await project.run(['unlock', 'crash', '--env', 'production', '--reason', 'crash test', '--yes'], {
          environment: project.environment,
        });
      }
      // The older versions were each started with the file of their own number; one that was rolled back leaves its own beside it.
      const isOwn = project.read('.env') === environmentOf(number);
      const isRight =
        isOwn === (result.state === 'stable') || result.state === 'needs-human' || result.state === 'cancelled';
      const faults = isRight
        ? result.faults
        : [...result.faults, `the env file is ${project.read('.env')} after ${result.state}`];
      return { path, gap, victim, times, ...result, faults };
    },
    async remove() {
      gaps.remove();
      await project.remove();
    },
  };
}

/** Runs one release that nobody kills and returns the gaps it passed. */
async function gapsPassed(project: CrashProject, path: Path, version: string): Promise<string[]> {
  const gaps = createGaps();
  await waitUntil('the executor before to be gone', () => findExecutors(project.directory).length === 0, {
    limitSeconds: 30,
  });
  const environment = { ...project.environment, ...gaps.environment };
  const ended = await project.run(['release', version, '--speed', '60'], { environment, limitSeconds: 120 });
  const wanted = path === 'release' ? 0 : 20;
  if (ended.exitCode !== wanted)
    throw new Error(`exit ${ended.exitCode}, expected ${wanted}: ${ended.stdout}${ended.stderr}`);
  const passed = gaps.passed();
  gaps.remove();
  return passed;
}
