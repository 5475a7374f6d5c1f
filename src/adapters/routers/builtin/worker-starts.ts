import { note } from './note.ts';

export interface WorkerStarts {
  /** Pids that are on their way. */
  readonly starting: Set<number>;
  /** Pids of all that were started here. */
  readonly own: Set<number>;
  startOne(): void;
  /** One of ours serves: what was wrong is over. */
  succeeded(): void;
  isPaused(): boolean;
}

const PAUSE_MIN_MS = 50; // doubled with every worker that dies before it serves
const PAUSE_MAX_MS = 5000;

/**
 * Starts workers, and slows down when they die before they serve: a program that cannot start must not take the whole machine.
 * `start` gets what to call when the worker ends and returns its pid, or null; `retry` is called when a pause is over.
 */
export function createWorkerStarts(start: (onExit: () => void) => number | null, retry: () => void): WorkerStarts {
  const starting = new Set<number>();
  const own = new Set<number>();
  let earlyDeaths = 0;
  let pausedUntilMs = 0;
  const pause = (): void => {
    earlyDeaths += 1;
    const pauseMs = Math.min(PAUSE_MIN_MS * 2 ** earlyDeaths, PAUSE_MAX_MS);
    pausedUntilMs = performance.now() + pauseMs;
    setTimeout(retry, pauseMs + 1);
  };
  return {
    starting,
    own,
    startOne() {
      const pid = start(() => {
        if (pid === null || !starting.delete(pid)) return;
        note(`worker ${pid} ended before it served`);
        pause();
      });
      if (pid === null) return pause();
      starting.add(pid);
      own.add(pid);
    },
    succeeded: () => void (earlyDeaths = 0),
    isPaused: () => performance.now() < pausedUntilMs,
  };
}
