import type { FollowEvent } from '../../app/follow-release.ts';
import type { ReleaseView, StepView } from '../../app/release-view.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import { closingBlock } from './closing-block.ts';
import { printable } from './printable.ts';
import { releaseHead } from './release-head.ts';
import type { Screen } from './screen.ts';
import { hasInterruption, stepLine, taggedLine } from './step-line.ts';
import { PLAIN } from './style.ts';
import { waitingLine } from './waiting-line.ts';

/** Shows a release as it goes on. */
export interface FollowScreen {
  show(event: FollowEvent): void;
  /** Draws the live line again, so that the time counts on without events. */
  tick(): void;
}

// Without a terminal a line for a step that takes long, and then one for its progress now and then: a log of CI must not look dead,
// and must not hold a line for every round of a watch of two hours.
const QUIET_MS = 10_000;
const PROGRESS_EVERY_MS = 60_000;

interface Running {
  step: StepView;
  sinceMs: number;
  line: string;
  saidMs: number;
}

/** The step that runs now, as it is drawn and as it is told to a log. */
interface RunningStep {
  begin(step: StepView): void;
  report(stepId: string, line: string): void;
  end(stepId: string | null): void;
  /** Draws it again on a terminal; tells a log about it when it takes long. */
  refresh(): void;
}

/** One line for each change; on a terminal also one that is drawn again while a step runs. */
export function createFollowScreen(screen: Screen, nowMs: () => number): FollowScreen {
  const running = runningStep(screen, nowMs);
  return {
    show(event) {
      showEvent(screen, running, event);
      running.refresh();
    },
    tick: () => running.refresh(),
  };
}

function showEvent(screen: Screen, running: RunningStep, event: FollowEvent): void {
  const { style } = screen;
  switch (event.event) {
    case 'release':
      return screen.lines(releaseHead(event.release, event.plan));
    case 'step':
      return showStep(screen, running, event.step);
    case 'progress':
      return running.report(event.step, printable(event.line));
    case 'state':
      return showState(screen, event.release);
    case 'executor-started': {
      const text = 'nobody was running this release; a new executor goes on with it';
      return screen.line(taggedLine(style, 'warn', 'engine', text));
    }
    case 'database-lost':
      return screen.line(taggedLine(style, 'warn', 'database', printable(`away, trying again: ${event.message}`)));
    case 'disk-full':
      return screen.line(
        taggedLine(style, 'warn', 'disk', printable(`${event.message}; it goes on when there is room`)),
      );
    case 'database-back':
      return screen.line(taggedLine(style, 'ok', 'database', 'back'));
    case 'end':
      running.end(null);
      screen.live(null);
      return screen.lines(closingBlock(style, event.release, event.steps, event.ending));
  }
}

function showStep(screen: Screen, running: RunningStep, step: StepView): void {
  if (step.state === 'started') {
    running.begin(step);
    if (hasInterruption(step)) screen.line(stepLine(screen.style, step));
    return;
  }
  running.end(step.id);
  if (step.state !== 'pending') screen.line(stepLine(screen.style, step));
}

function showState({ style, line }: Screen, release: ReleaseView): void {
  const waiting = waitingLine(style, release);
  // An abort at a gate is heard before the gate is left: to ask for the approval once more would be stale.
  const isOvertaken = release.request !== null && release.request.word !== 'pause';
  if (waiting !== null && !isOvertaken) return line(waiting);
  if (release.state === 'rolling-back' && release.kind === 'release') {
    const cause = release.cause?.message ?? 'asked for';
    return line(taggedLine(style, 'run', 'rollback', printable(`cause: ${cause}`)));
  }
  if (release.request === null || release.finishedAt !== null) return;
  const { word, by, reason } = release.request;
  const text = `${by} asked to ${word === 'roll-back' ? 'roll back' : word}${reason === null ? '' : `: ${reason}`}`;
  line(taggedLine(style, 'wait', word, printable(text)));
}

function runningStep(screen: Screen, nowMs: () => number): RunningStep {
  let running: Running | null = null;
  return {
    begin: (step) => void (running = { step, sinceMs: nowMs(), line: '', saidMs: 0 }),
    report(stepId, line) {
      if (running?.step.id === stepId) running.line = line;
    },
    end(stepId) {
      if (stepId === null || running?.step.id === stepId) running = null;
    },
    refresh() {
      if (running === null) return screen.live(null);
      if (!screen.isLive) return sayWhenLong(screen, running, nowMs());
      const { step, sinceMs, line } = running;
      const text = line === '' ? printable(step.title) : line;
      const took = formatDuration(Math.round((nowMs() - sinceMs) / 1000));
      screen.live(taggedLine(PLAIN, 'run', phaseOf(step), `${text}  ${took}`));
    },
  };
}

function sayWhenLong({ style, line: print }: Screen, running: Running, nowMs: number): void {
  const { step, saidMs, sinceMs, line } = running;
  const quietMs = saidMs === 0 ? QUIET_MS : PROGRESS_EVERY_MS;
  if (nowMs - Math.max(saidMs, sinceMs) < quietMs) return;
  running.saidMs = nowMs;
  print(line === '' ? stepLine(style, step) : taggedLine(style, 'run', phaseOf(step), line));
}

function phaseOf(step: StepView): string {
  return step.isUndo ? 'rollback' : step.phase;
}
