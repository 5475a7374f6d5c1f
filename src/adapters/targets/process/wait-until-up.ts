import { problem, type Problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { isPortOpen } from '../../../platform/ports.ts';
import { isAlive } from '../../../platform/process-table.ts';
import { endingOf } from '../../../platform/run-command.ts';
import { readLastLines } from '../../../platform/read-tail.ts';
import { HOST } from './instance-of.ts';
import { outputFile, type InstanceRecord } from './instance-record.ts';
import type { ProcessComponent } from './settings.ts';

const POLL_MS = 25; // a program takes 30 ms and more to start; a look costs under 1 ms
const ALIVE_MS = 1000; // a program without a port that is wrongly set up has ended by then
const ENDING_PAUSES = 4; // 100 ms; it arrives in the next turn of the event loop
const LINES_SHOWN = 20; // the last lines nearly always hold the reason, and fit on a screen

/**
 * Waits until the process accepts connections, or without a port has lived for one second. `ended` when it died before.
 * Throws `target-failed` with its last output when the start limit is over; the process is left for the undo.
 */
export async function waitUntilUp(
  record: InstanceRecord,
  component: ProcessComponent,
  effect: Effect,
): Promise<'up' | 'ended'> {
  const limitMs = record.port === null ? ALIVE_MS : component.startWithinSeconds * 1000;
  // Pauses are counted, not read from a clock: a clock that jumps must neither end the wait nor prolong it.
  const pauses = Math.ceil(limitMs / (POLL_MS * effect.clock.speed));
  for (let pause = 0; ; pause++) {
    const isOpen = record.port !== null && (await isPortOpen(HOST, record.port));
    if (record.process === null || !isAlive(record.process)) return 'ended';
    if (isOpen) return 'up';
    if (pause >= pauses) break;
    await effect.clock.sleep(POLL_MS * effect.clock.speed, effect.signal);
  }
  if (record.port === null) return 'up';
  const message = `${named(record)} accepted no connection on ${HOST}:${record.port} within ${component.startWithinSeconds} s`;
  throw problem('target-failed', message + (await lastOutput(record, effect)), {
    where: `component ${component.name}`,
    next: 'Let the program listen on $PORT, raise "start-within", or write "port: none" if it does not listen.',
  });
}

/** The problem of a process that ended before it was up, with the last lines it wrote. */
export async function endedTooEarly(
  record: InstanceRecord,
  component: ProcessComponent,
  effect: Effect,
): Promise<Problem> {
  const ending = await endingInWords(record, effect);
  return problem(
    'target-failed',
    `${named(record)} ended right after its start${ending}${await lastOutput(record, effect)}`,
    {
      where: `component ${component.name}`,
      next: `Read ${outputFile(record.id, effect)}, correct the version and release again.`,
    },
  );
}

/** The exit code, known only to the run of shipway that started the process. */
async function endingInWords(record: InstanceRecord, effect: Effect): Promise<string> {
  if (record.process === null) return '';
  // A zombie is dead to the process table a moment before its exit code arrives here.
  for (let pause = 0; pause < ENDING_PAUSES && endingOf(record.process) === null; pause++) {
    await effect.clock.sleep(POLL_MS * effect.clock.speed);
  }
  const ending = endingOf(record.process);
  return ending === null ? '' : ` (${ending})`;
}

function named(record: InstanceRecord): string {
  return `${record.component} ${record.version}`;
}

async function lastOutput(record: InstanceRecord, effect: Effect): Promise<string> {
  const lines = await readLastLines(outputFile(record.id, effect), LINES_SHOWN);
  return lines.length === 0
    ? '; it wrote nothing'
    : `; its last output:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
