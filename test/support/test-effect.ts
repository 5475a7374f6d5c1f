import { join } from 'node:path';
import { realClock, type Clock } from '../../src/platform/clock.ts';
import type { Effect } from '../../src/platform/effect.ts';
import { loadVariables } from '../../src/platform/variables.ts';

export interface TestEffect extends Effect {
  /** What was reported for the person who watches. */
  reported: string[];
  abort(): void;
}

/** An effect as the engine gives it, in a folder of the test; `variables` is all that `$NAME` knows, besides the PATH of the test. */
export function testEffect(
  projectDirectory: string,
  options: { token?: string; variables?: Record<string, string>; clock?: Clock } = {},
): TestEffect {
  const variables = loadVariables({
    envFile: null,
    processEnvironment: { PATH: process.env['PATH'], ...options.variables },
    secretNames: [],
    publicNames: [],
  });
  const aborter = new AbortController();
  const reported: string[] = [];
  return {
    token: options.token ?? 'r1/deploy.apply/1',
    signal: aborter.signal,
    clock: options.clock ?? realClock,
    resolve: (text) => variables.resolve(text),
    environment: (extra) => variables.environment(extra),
    projectDirectory,
    stateDirectory: join(projectDirectory, '.shipway'),
    report: (line) => reported.push(line),
    reported,
    abort: () => aborter.abort(),
  };
}
