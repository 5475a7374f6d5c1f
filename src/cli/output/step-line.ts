import type { StepView } from '../../app/release-view.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import { printable } from './printable.ts';
import { stepDetail } from './step-detail.ts';
import type { Style } from './style.ts';

/** The words in brackets at the beginning of a line. */
export type Tag = 'ok' | 'run' | 'FAIL' | 'STOP' | 'skip' | 'wait' | 'warn' | 'todo' | '-';

const TEXT_COLUMNS = 64; // with tag, phase and duration a line stays under 100, and the durations stand in one column

/** ` [ok]   backup        back up database and verify the copy            38s` */
export function taggedLine(style: Style, tag: Tag, phase: string, text: string): string {
  const paint = {
    ok: style.good,
    run: style.active,
    FAIL: style.bad,
    STOP: style.bad,
    skip: style.faint,
    wait: style.attention,
    warn: style.attention,
    todo: style.faint,
    '-': style.faint,
  }[tag];
  const bracket = `[${tag}]`;
  return ` ${paint(bracket)}${' '.repeat(7 - bracket.length)}${phase.padEnd(14)}${text}`;
}

/** Aligns what a step took behind its text. */
export function withDuration(text: string, seconds: number | null): string {
  if (seconds === null) return text;
  return `${text.padEnd(TEXT_COLUMNS)}  ${formatDuration(seconds)}`;
}

/** The line of a step as it stands now. A failure has its reason on the same line. */
export function stepLine(style: Style, step: StepView): string {
  const phase = step.isUndo ? 'rollback' : step.phase;
  const title = printable(step.title);
  switch (step.state) {
    case 'finished':
      return taggedLine(style, 'ok', phase, withDuration(printable(stepDetail(step)), step.tookSeconds));
    case 'failed':
      return taggedLine(style, tagOfFailure(step), phase, printable(`${failedTitle(step)}: ${reasonOf(step)}`));
    case 'skipped':
      return taggedLine(style, 'skip', phase, printable(`${title}: ${whySkipped(step)}`));
    case 'started':
      return taggedLine(
        style,
        'run',
        phase,
        hasInterruption(step)
          ? `${title} (attempt ${step.attempt}: the one before was cut short, so it looks before it acts)`
          : title,
      );
    case 'pending':
      return taggedLine(style, 'todo', phase, title);
  }
}

/** The line of a step that the release did not get to before it was over. */
export function notRunLine(style: Style, step: StepView): string {
  return taggedLine(style, '-', step.isUndo ? 'rollback' : step.phase, printable(step.title));
}

/** Whether an earlier attempt was cut short. The end of a watch is recorded as an attempt of its own, which is no interruption. */
export function hasInterruption(step: StepView): boolean {
  return step.attempt > 1 && step.kind !== 'watch-version';
}

/** The title of checks lists them all; the reason names the one that counts. */
function failedTitle(step: StepView): string {
  return step.kind === 'run-checks' ? (step.title.split(':')[0] ?? step.title) : step.title;
}

/** A person's word and a refusal stop a release; everything else is a failure. */
function tagOfFailure(step: StepView): Tag {
  const kind = step.problem?.kind;
  return kind === 'stopped' || kind === 'refused' ? 'STOP' : 'FAIL';
}

/** Why it failed, with where on the watch's timeline that was. */
function reasonOf(step: StepView): string {
  if (step.problem === null) return 'no reason was recorded';
  const { message, where } = step.problem;
  return where?.startsWith('T+') === true ? `${where}  ${message}` : message;
}

function whySkipped(step: StepView): string {
  const why = step.result?.['why'];
  return typeof why === 'string' ? why : 'not needed';
}
