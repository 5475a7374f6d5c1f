import type { Clock } from './clock.ts';

/**
 * Who acts, and under which limits. Every adapter call gets one; nothing is touched without it.
 * The token travels with the effect (process marker, generation, file name), so that whoever comes after a crash knows whose it was.
 */
export interface Effect {
  /** `<release>/<step>/<attempt>`. */
  token: string;
  /** Fires when the release is aborted or this executor may no longer act; whatever runs is then stopped whole. */
  signal: AbortSignal;
  clock: Clock;
  /** Replaces `$NAME` and `${NAME}` in a text; throws `variable-missing` with the name. Results never go into a plan, a log or a database. */
  resolve(text: string): string;
  /** The environment for child processes: PATH and what the release file declares, resolved. */
  environment(extra: Record<string, string>): Record<string, string>;
  /** Absolute path of the project (the folder of the release file). */
  projectDirectory: string;
  /** Absolute path of `.shipway` of the project. */
  stateDirectory: string;
  /** One line of progress for the person who watches; secrets are masked before it goes anywhere. */
  report(line: string): void;
}

/** The same, stopped as soon as the signal fires too. */
export function effectUntil(effect: Effect, signal: AbortSignal): Effect {
  return { ...effect, signal: AbortSignal.any([effect.signal, signal]) };
}

/** The same, for taking away what an act has left: also one that was told to stop. */
export function effectToCleanUp(effect: Effect): Effect {
  return { ...effect, signal: new AbortController().signal };
}
