import { join } from 'node:path';
import { realClock } from '../../src/platform/clock.ts';
import type { Effect } from '../../src/platform/effect.ts';

/** An effect for adapter tests: real clock, no variables; `lines` collects what is reported. */
export function createEffect(projectDirectory: string, change: Partial<Effect> = {}): Effect & { lines: string[] } {
  const lines: string[] = [];
  return {
    token: 'test/step/1',
    signal: new AbortController().signal,
    clock: realClock,
    resolve: (text) => text,
    environment: (extra) => ({ PATH: process.env['PATH'] ?? '', ...extra }),
    projectDirectory,
    stateDirectory: join(projectDirectory, '.shipway'),
    report: (line) => void lines.push(line),
    lines,
    ...change,
  };
}
