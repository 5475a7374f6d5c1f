import { setTimeout as delay } from 'node:timers/promises';

/** What a timer of Node can run at most, 24.8 days: one that is set to more fires at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** The only place that asks what time it is. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Waits; ends early with an AbortError when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** How many times faster than real time it runs; 1 outside tests and the demo. */
  readonly speed: number;
}

export const realClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
  speed: 1,
};

/**
 * A clock that runs `speed` times faster from `startMs` on. Only the clock changes: limits, windows and intervals stay as written.
 */
export function scaledClock(startMs: number, speed: number, base: Clock = realClock): Clock {
  if (speed === 1) return base;
  return {
    nowMs: () => startMs + (base.nowMs() - startMs) * speed,
    sleep: (ms, signal) => base.sleep(ms / speed, signal),
    speed,
  };
}

/** RFC 3339 in UTC with milliseconds, the form in which times are stored and shown. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
