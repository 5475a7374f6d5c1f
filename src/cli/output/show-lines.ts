import type { ReleaseDetail } from '../../app/show-release.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import type { StepView } from '../../app/release-view.ts';
import { closingBlock } from './closing-block.ts';
import { printable } from './printable.ts';
import { releaseHead } from './release-head.ts';
import { notRunLine, stepLine } from './step-line.ts';
import type { Style } from './style.ts';
import { shownTime } from './times.ts';
import { waitingLine } from './waiting-line.ts';

/** One release on paper: head, every step past and future with its time, problems with their last lines, and where it stands. */
export function showLines(style: Style, detail: ReleaseDetail): string[] {
  const { release, plan, steps, ending } = detail;
  const closing = closingBlock(style, release, steps, ending);
  return [
    ...releaseHead(release, plan),
    `${release.state} since ${shownTime(release.stateSince)}, started ${shownTime(release.createdAt)}`,
    ...steps.flatMap((step) => [
      `${step.startedAt === null ? ' '.repeat(20) : shownTime(step.startedAt)} ${lineOf(style, step, release.finishedAt !== null)}`,
      ...problemLines(step),
    ]),
    ...approvalLines(detail),
    ...watchLines(detail),
    ...standing(style, detail),
    ...closing,
  ];
}

const INDENT = ' '.repeat(43); // below the text of a step line

function lineOf(style: Style, step: StepView, isOver: boolean): string {
  return isOver && step.state === 'pending' ? notRunLine(style, step) : stepLine(style, step);
}

function problemLines(step: ReleaseDetail['steps'][number]): string[] {
  const { problem, lines } = step;
  return [
    ...(problem === null || problem.where === null ? [] : [printable(`${INDENT}where: ${problem.where}`)]),
    ...(problem === null || problem.next === '' ? [] : [printable(`${INDENT}next: ${problem.next}`)]),
    ...lines.map((line) => `${INDENT}| ${printable(line)}`),
  ];
}

function approvalLines({ approvals }: ReleaseDetail): string[] {
  return approvals.map(({ person, decision, reason, at, ofThisPlan }) => {
    const why = reason === null ? '' : `: "${reason}"`;
    const counts = ofThisPlan ? '' : ' (of another plan, counts for nothing)';
    return printable(`${decision} by ${person} ${shownTime(at)}${why}${counts}`);
  });
}

function watchLines({ watch }: ReleaseDetail): string[] {
  if (watch === null) return [];
  const did = watch.action === null ? '' : `, action ${watch.action}`;
  return [
    `watch: round ${watch.round + 1} at T+${formatDuration(watch.atSeconds)}${did}`,
    ...watch.verdicts.map(({ outcome, sentence }) => printable(`  ${outcome.padEnd(17)} ${sentence}`)),
  ];
}

/** What an unfinished release waits for or was asked to do. */
function standing(style: Style, { release }: ReleaseDetail): string[] {
  const waiting = waitingLine(style, release);
  const { request } = release;
  return [
    ...(waiting === null ? [] : [waiting]),
    ...(request === null || release.finishedAt !== null
      ? []
      : [printable(`asked by ${request.by}: ${request.word}${request.reason === null ? '' : `: ${request.reason}`}`)]),
  ];
}
