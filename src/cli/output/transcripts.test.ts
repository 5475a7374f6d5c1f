import { describe, expect, test } from 'vitest';
import type { FollowEvent } from '../../app/follow-release.ts';
import type { ReleaseView, StepView } from '../../app/release-view.ts';
import type { Plan, PlannedStep } from '../../core/plan/plan.ts';
import { createFollowScreen } from './follow-screen.ts';
import type { Screen } from './screen.ts';
import { PLAIN } from './style.ts';

const HEAD = { index: 1881, hash: '5be1c0ffee00'.padEnd(64, '0') };

function release(change: Partial<ReleaseView> = {}): ReleaseView {
  return {
    id: 'r-0142',
    project: 'here',
    kind: 'release',
    service: 'notes',
    environment: 'production',
    version: '1.2.3',
    previousVersion: '1.2.2',
    releaseType: 'regular',
    state: 'running',
    stateSince: '2026-11-20T10:00:01.000Z',
    createdAt: '2026-11-20T10:00:00.000Z',
    finishedAt: null,
    requestedBy: 'ana',
    reason: null,
    planDigest: 'sha256:9f2c00112233445566',
    waitingFor: null,
    request: null,
    cause: null,
    isGoingBack: false,
    ...change,
  };
}

function planned(id: string, kind: PlannedStep['kind'], limitSeconds = 60): PlannedStep {
  return {
    id,
    kind,
    title: id,
    input: {},
    commands: [],
    undo: null,
    reversibility: 'nothing to undo',
    limitSeconds,
    onFailure: 'roll-back',
  };
}

const PLAN = {
  kind: 'release',
  previous: { version: '1.2.2', release: 'r-0139' },
  automaticRollback: { armed: true, why: '' },
  phases: [
    { name: 'gate', steps: [planned('gate.approval', 'await-approval')] },
    { name: 'deploy', steps: [planned('deploy.apply', 'apply-version')] },
    { name: 'watch', steps: [planned('watch.version', 'watch-version', 1800)] },
  ],
} as unknown as Plan;

function step(id: string, change: Partial<StepView> = {}): StepView {
  return {
    id,
    phase: id.replace(/^undo\./, '').split('.')[0] ?? '',
    kind: 'apply-version',
    title: 'start the new version beside the old one',
    state: 'finished',
    attempt: 1,
    startedAt: '2026-11-20T10:00:01.000Z',
    finishedAt: null,
    tookSeconds: 21,
    result: {},
    problem: null,
    isUndo: id.startsWith('undo.'),
    ...change,
  };
}

const APPROVED = step('gate.approval', {
  kind: 'await-approval',
  title: '1 approval of bo, chen',
  tookSeconds: 161,
  result: { approvedBy: ['bo'] },
});
const DEPLOYED = step('deploy.apply', {
  result: { instances: [{ component: 'api', address: '127.0.0.1:40001' }] },
});
const BREACH = 'error rate 1.84% > 1% for 5m00s (5m00s window, 20 of 20 samples)';

function says(...events: FollowEvent[]): string[] {
  return transcript(events).lines;
}

/** What is printed without a terminal; `drawn` is what a terminal would draw again. */
function transcript(events: FollowEvent[], isLive = false, nowMs = () => 0) {
  const lines: string[] = [];
  const drawn: (string | null)[] = [];
  const screen = {
    style: PLAIN,
    isLive,
    line: (text: string) => lines.push(text),
    lines: (texts: string[]) => lines.push(...texts),
    live: (text: string | null) => drawn.push(text),
  } as unknown as Screen;
  const follow = createFollowScreen(screen, nowMs);
  for (const event of events) follow.show(event);
  return { lines, drawn };
}

const ended = (
  change: Partial<ReleaseView>,
  live: string | null,
  more: Partial<{ undone: string[]; notUndone: string[]; environment: string[] }> = {},
  steps: StepView[] = [],
): FollowEvent => ({
  event: 'end',
  release: release({ finishedAt: '2026-11-20T10:42:18.000Z', ...change }),
  steps,
  ending: {
    liveVersion: live,
    tookSeconds: 2538,
    undone: [],
    notUndone: [],
    environment: [],
    data: [],
    rollback: null,
    journalHead: HEAD,
    ...more,
  },
});

describe('what a person sees of a release', () => {
  test('a good release ends with version, duration, journal entry and what is live', () => {
    expect(
      says(
        { event: 'release', release: release(), plan: PLAN, steps: [] },
        { event: 'step', step: APPROVED },
        { event: 'step', step: DEPLOYED },
        {
          event: 'step',
          step: step('watch.version', {
            kind: 'watch-version',
            title: 'watch: 3 criteria, every 15 s',
            tookSeconds: 1800,
            attempt: 2,
            result: { rounds: 120, watchedSeconds: 1800 },
          }),
        },
        ended({ state: 'stable' }, '1.2.3'),
      ),
    ).toEqual([
      'notes 1.2.3 -> production   r-0142   started by ana   live now: 1.2.2',
      'plan: 3 steps, 1 gate, watch 30m, automatic rollback armed, digest 9f2c00112233',
      ' [ok]   gate          1 approval of bo, chen: approved by bo                            2m41s',
      ' [ok]   deploy        start the new version beside the old one: api at 127.0.0.1:40001  21s',
      ' [ok]   watch         watch: 3 criteria, every 15 s: 30m, 120 rounds                    30m',
      'RELEASED 1.2.3 in 42m18s   journal entry 1881 5be1c0ffee00',
      'live in production: 1.2.3',
    ]);
  });

  test('a release stopped by a gate says who, why, that nothing was changed and what still runs', () => {
    const cause = {
      kind: 'stopped' as const,
      message: 'approval rejected by chen: "index build not tested"',
      where: null,
      next: 'Settle it with them, then start the release again.',
    };
    const failed = { ...APPROVED, state: 'failed' as const, result: null, problem: cause };
    expect(says({ event: 'step', step: failed }, ended({ state: 'cancelled', cause }, '1.2.2'))).toEqual([
      ' [STOP] gate          1 approval of bo, chen: approval rejected by chen: "index build not tested"',
      'STOPPED after 42m18s   journal entry 1881 5be1c0ffee00',
      'cause: approval rejected by chen: "index build not tested"',
      'Nothing was changed. production still runs 1.2.2.',
      'next: Settle it with them, then start the release again.',
    ]);
  });

  test('an automatic rollback has measured value, limit and window on the failing line, and says what stays', () => {
    const cause = { kind: 'check-failed' as const, message: BREACH, where: 'T+7m30s', next: 'Mend the cause.' };
    const failed = step('watch.version', {
      kind: 'watch-version',
      title: 'watch: 3 criteria',
      state: 'failed',
      problem: cause,
    });
    const goingBack = release({ state: 'rolling-back', cause, isGoingBack: true });
    expect(
      says(
        { event: 'step', step: failed },
        { event: 'state', release: goingBack },
        {
          event: 'step',
          step: step('undo.deploy.apply', { kind: 'revert-version', title: 'stop the new version', tookSeconds: 3 }),
        },
        ended({ ...goingBack, state: 'rolled-back' }, '1.2.2', {
          undone: ['start the new version beside the old one'],
          notUndone: ['migrate up'],
        }),
      ),
    ).toEqual([
      ` [FAIL] watch         watch: 3 criteria: T+7m30s  ${BREACH}`,
      ` [run]  rollback      cause: ${BREACH}`,
      ' [ok]   rollback      stop the new version                                              3s',
      'ROLLED BACK to 1.2.2 in 42m18s   journal entry 1881 5be1c0ffee00',
      `cause: ${BREACH} (T+7m30s)`,
      'live in production: 1.2.2',
      'undone: start the new version beside the old one',
      'not undone: migrate up',
      'next: shipway show r-0142',
      '      1.2.3 is in quarantine; let it out: shipway unlock notes --env production --version 1.2.3 --reason "..."',
    ]);
  });

  test('a release that goes on after a crash says that it looks before it acts again', () => {
    const again = step('deploy.apply', { state: 'started', attempt: 2, tookSeconds: null });
    expect(
      says(
        { event: 'executor-started' },
        { event: 'step', step: again },
        { event: 'step', step: { ...DEPLOYED, attempt: 2 } },
      ),
    ).toEqual([
      ' [warn] engine        nobody was running this release; a new executor goes on with it',
      ' [run]  deploy        start the new version beside the old one (attempt 2: the one before was cut short, so it looks before it acts)',
      ' [ok]   deploy        start the new version beside the old one: api at 127.0.0.1:40001  21s',
    ]);
  });

  test('a failed rollback calls a person, tells the state of each part and the next safe commands', () => {
    const cause = { kind: 'target-failed' as const, message: '1.2.2 exits at once', where: null, next: '' };
    const steps = [
      step('deploy.apply'),
      step('undo.deploy.traffic', { title: 'send all requests back to 1.2.2' }),
      step('undo.deploy.apply', { title: 'stop the new version', state: 'failed', problem: cause }),
      step('undo.verify.checks', { title: 'verification', state: 'pending', attempt: 0 }),
    ];
    const end = ended({ state: 'needs-human', finishedAt: null, cause, isGoingBack: true }, '1.2.2', {}, steps);
    expect(says(end)).toEqual([
      'ROLLBACK FAILED at undo.deploy.apply. HUMAN NEEDED NOW   journal entry 1881 5be1c0ffee00',
      'cause: 1.2.2 exits at once',
      '  done       undo.deploy.traffic    send all requests back to 1.2.2',
      '  FAILED     undo.deploy.apply      stop the new version: 1.2.2 exits at once',
      '  not begun  undo.verify.checks     verification',
      'live in production by the record: 1.2.2',
      'next: mend the cause, then go on: shipway resume r-0142',
      '      look at everything:         shipway show r-0142',
      '      or end it as it is:         shipway unlock notes --env production --reason "..."',
    ]);
  });

  test('a waiting release says who may approve and the command to type', () => {
    const waiting = release({ state: 'waiting', waitingFor: { kind: 'approval', count: 2, from: ['bo', 'chen'] } });
    expect(says({ event: 'state', release: waiting })).toEqual([
      ' [wait] gate          waits for 2 approvals of bo, chen; approve it: shipway approve r-0142',
    ]);
  });

  test('an abort at an approval gate does not ask for the approval once more', () => {
    const waiting = release({ state: 'waiting', waitingFor: { kind: 'approval', count: 1, from: ['bo'] } });
    const asked = { ...waiting, request: { word: 'abort' as const, by: 'ana', reason: 'wrong version' } };
    const cause = { kind: 'stopped' as const, message: 'aborted by ana', where: null, next: '' };
    const over = { ...asked, state: 'cancelled' as const, cause, finishedAt: '2026-11-20T10:42:18.000Z' };
    expect(
      says({ event: 'state', release: waiting }, { event: 'state', release: asked }, { event: 'state', release: over }),
    ).toEqual([
      ' [wait] gate          waits for 1 approval of bo; approve it: shipway approve r-0142',
      ' [wait] abort         ana asked to abort: wrong version',
    ]);
  });

  test.each(['watch-version', 'run-checks', 'check-health'])(
    'a measurement that broke off (%s) is gone on with; nobody is asked to rule it done',
    (kind) => {
      const cause = { kind: 'cannot-tell' as const, message: 'the watch broke off: EPIPE', where: null, next: '' };
      const failed = step('watch.version', { kind, title: 'watch', state: 'failed', problem: cause });
      const lines = says(ended({ state: 'needs-human', finishedAt: null, cause }, '1.2.2', {}, [failed]));
      expect(lines).toContain('next: mend the cause, then go on: shipway resume r-0142');
      expect(lines.join('\n')).not.toContain('--was');
    },
  );

  test('a step that nobody could measure asks for a word on exactly that step', () => {
    const cause = { kind: 'cannot-tell' as const, message: 'cannot tell', where: null, next: '' };
    const failed = step('migrate.up', { title: 'migrate up', state: 'failed', problem: cause });
    const end = ended({ state: 'needs-human', finishedAt: null, cause }, '1.2.2', {}, [failed]);
    expect(says(end)).toContain(
      'next: say what you found:         shipway resume r-0142 --step migrate.up --was done|not-done',
    );
  });
});

describe('how it is drawn', () => {
  const started = step('deploy.apply', { state: 'started', tookSeconds: null });

  test('without a terminal a short step is one line, and nothing is drawn', () => {
    expect(says({ event: 'step', step: started }, { event: 'step', step: DEPLOYED })).toHaveLength(1);
  });

  test('without a terminal a step that takes long says what it is doing, and then now and then', () => {
    let now = 0;
    const progress = (line: string): FollowEvent => {
      now += 11_000;
      return { event: 'progress', step: 'deploy.apply', at: '', line };
    };
    const events = (function* () {
      yield { event: 'step' as const, step: started };
      yield progress('pulling');
      yield progress('starting'); // 11 s later: too soon for another line
      now += 60_000;
      yield progress('almost there');
    })();
    expect(transcript(events as unknown as FollowEvent[], false, () => now).lines).toEqual([
      ' [run]  deploy        pulling',
      ' [run]  deploy        almost there',
    ]);
  });

  test('on a terminal the last progress line is drawn again, and taken away at the end', () => {
    const { drawn, lines } = transcript(
      [
        { event: 'step', step: started },
        { event: 'progress', step: 'deploy.apply', at: '', line: 'T+10s of 10m' },
        { event: 'step', step: DEPLOYED },
      ],
      true,
    );
    expect(drawn).toEqual([
      ' [run]  deploy        start the new version beside the old one  0s',
      ' [run]  deploy        T+10s of 10m  0s',
      null,
    ]);
    expect(lines).toHaveLength(1);
  });

  test('escape codes and line ends in what a program wrote do not reach the terminal', () => {
    const evil = step('deploy.apply', {
      state: 'failed',
      problem: {
        kind: 'command-failed',
        message: 'a\u001b[2Jb\u001b]0;title\u0007\r\nc\u009b31m',
        where: null,
        next: '',
      },
    });
    const [line = ''] = says({ event: 'step', step: evil });
    // oxlint-disable-next-line no-control-regex
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(line).toContain('ab c');
  });
});
