import { realClock, timestamp } from '../../../platform/clock.ts';

/** One line in the router's log: starts, ends and failures of its processes, never a request. */
export function note(text: string): void {
  process.stderr.write(`${timestamp(realClock.nowMs())} ${process.pid} ${text}\n`);
}
