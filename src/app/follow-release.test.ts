import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planBytes, planDigest } from '../core/plan/plan-digest.ts';
import { stepsOf, type Plan, type PlannedStep } from '../core/plan/plan.ts';
import { problem } from '../core/release/problem.ts';
import { realClock } from '../platform/clock.ts';
import { recordDecision } from '../state/approvals.ts';
import { removeServer } from '../state/embedded-postgres.ts';
import { setLive } from '../state/live.ts';
import { openDatabase, type Database } from '../state/open-database.ts';
import { createRelease, getRelease, moveRelease, requestOfRelease } from '../state/releases.ts';
import { addStepLine, beginStep, failStep, finishStep, stepRuns } from '../state/step-runs.ts';
import { keepRound } from '../state/watch-samples.ts';
import type { App } from './app.ts';
import { followRelease, type FollowEvent } from './follow-release.ts';
import { showHistory } from './show-history.ts';
import { showRelease } from './show-release.ts';
import { needsYou, showStatus } from './show-status.ts';
import { showWayBack } from './show-way-back.ts';
import { parseAnchor, verifyRecord } from './verify-journal.ts';

let directory: string;
let database: Database;
const ACTOR = { kind: 'executor' as const, id: 'e1' };
const NEVER = new AbortController().signal;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-follow-'));
  chmodSync(directory, 0o755);
  database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
});

afterAll(async () => {
  await database.close();
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

function step(id: string, kind: PlannedStep['kind'], undo: PlannedStep['undo'] = null): PlannedStep {
  const common = { input: {}, commands: [], reversibility: 'reversible' as const, limitSeconds: 60 };
  return { ...common, id, kind, title: `do ${id}`, undo, onFailure: 'roll-back' };
}

const UNDO = { kind: 'revert-version' as const, title: 'stop it', input: {}, commands: [], limitSeconds: 60 };

function planFor(service: string): Plan {
  return {
    format: 1,
    kind: 'release',
    service,
    environment: 'production',
    releaseType: 'regular',
    version: { number: '1.1.0', commit: null },
    previous: { version: '1.0.0', release: 'r-0000' },
    reason: null,
    target: { kind: 'process', settings: {} },
    router: null,
    stores: [],
    backupDirectory: '',
    envFile: null,
    variables: { secret: [], public: [] },
    phases: [
      { name: 'lock', steps: [step('lock.take', 'take-lock')] },
      { name: 'migrate', steps: [step('migrate.up', 'migrate-up')] },
      { name: 'deploy', steps: [step('deploy.apply', 'apply-version', UNDO)] },
    ],
    automaticRollback: { armed: true, why: '' },
    timeBudgetSeconds: 60,
    configFingerprint: '',
    warnings: [],
  };
}

async function planned(service: string): Promise<string> {
  const plan = planFor(service);
  return createRelease(database.db, {
    project: 'here',
    service,
    environment: 'production',
    kind: 'release',
    releaseType: 'regular',
    version: '1.1.0',
    previousVersion: '1.0.0',
    plan: planBytes(plan),
    planDigest: planDigest(plan),
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: stepsOf(plan).map(({ phase, step: { id, kind, title } }) => ({ id, phase, kind, title })),
  });
}

function at(releaseId: string, stepId: string) {
  return { releaseId, stepId, service: 'any', environment: 'production', executor: 'e1' };
}

async function did(releaseId: string, stepId: string): Promise<void> {
  const { row } = await beginStep(database, at(releaseId, stepId), { waitsForDisk: false });
  await finishStep(database, at(releaseId, stepId), row.attempt, { by: 'test' });
}

const move = (id: string, to: Parameters<typeof moveRelease>[2]['to'], more = {}): Promise<void> =>
  moveRelease(database.db, id, { to, actor: ACTOR, ...more });

/** An app on the real database; no release file, and an executor that is only counted. */
function appOn(change: Partial<App> = {}): App & { started: number } {
  const app = {
    started: 0,
    projectDirectory: directory,
    project: 'here',
    stateDirectory: directory,
    person: 'ana',
    startedBy: 'person',
    releaseFile: async () => {
      throw problem('config-missing', 'none', { next: '' });
    },
    database: async () => database,
    existingDatabase: async () => database,
    startExecutor: async () => void (app.started += 1),
    nowMs: () => realClock.nowMs(),
    sleep: async () => realClock.sleep(5),
    ...change,
  };
  return app as unknown as App & { started: number };
}

/** Follows to the end and calls back on each event, so that a test can make the next thing happen. */
async function followed(app: App, id: string, react: (event: FollowEvent) => Promise<void> | void = () => undefined) {
  const events: FollowEvent[] = [];
  for await (const event of followRelease(app, id, NEVER)) {
    events.push(event);
    await react(event);
  }
  return events;
}

function words(events: FollowEvent[]): string[] {
  return events.map((event) => {
    if (event.event === 'step') return `${event.step.id} ${event.step.state}`;
    if (event.event === 'state') return `state ${event.release.state}`;
    return event.event === 'progress' ? `progress ${event.line}` : event.event;
  });
}

describe('following a release', () => {
  test('tells what happened before and what happens while it looks, and ends with the end', async () => {
    const id = await planned('one');
    await move(id, 'running');
    await did(id, 'lock.take');
    const events = await followed(appOn(), id, async (event) => {
      if (event.event === 'state' && event.release.state === 'running')
        await addStepLine(database.db, id, 'migrate.up', 'half');
      if (event.event === 'progress') {
        await did(id, 'migrate.up');
        await database.db
          .transaction()
          .execute((tx) =>
            setLive(tx, { service: 'one', environment: 'production' }, { version: '1.1.0', release: id }),
          );
        await move(id, 'stable');
      }
    });
    expect(words(events)).toEqual([
      'release',
      'lock.take finished',
      'state running',
      'progress half',
      'migrate.up finished',
      'state stable',
      'end',
    ]);
    const end = events.at(-1);
    expect(end).toMatchObject({ release: { id, state: 'stable' }, ending: { liveVersion: '1.1.0' } });
    expect(end?.event === 'end' && end.ending.journalHead?.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('attaching to one that is over tells all of it and ends at once', async () => {
    const id = await planned('two');
    await move(id, 'cancelled', { cause: { kind: 'stopped', message: 'no', where: null, next: '' } });
    expect(words(await followed(appOn(), id))).toEqual(['release', 'state cancelled', 'end']);
  });

  test('starts an executor when none lives, so that a release whose executor was killed goes on', async () => {
    const id = await planned('three');
    await move(id, 'running');
    const app = appOn();
    const events = await followed(app, id, async (event) => {
      if (event.event === 'executor-started') await move(id, 'cancelled');
    });
    expect(app.started).toBe(1);
    expect(words(events)).toContain('executor-started');
  });

  test('a release that was planned this moment is left to the executor that is coming up', async () => {
    const id = await planned('four');
    const app = appOn();
    let rounds = 0;
    const leaving = new AbortController();
    const nowMs = (): number => realClock.nowMs() + 500 * rounds; // ten seconds in twenty rounds
    const sleep = async (): Promise<void> => void ((rounds += 1) > 20 && leaving.abort());
    for await (const event of followRelease({ ...app, nowMs, sleep }, id, leaving.signal)) void event;
    expect(app.started).toBe(0);
    await move(id, 'cancelled');
  });

  test('goes on when the database was away, and says so once', async () => {
    const id = await planned('five');
    await move(id, 'running');
    let failures = 0;
    let seen = false;
    const app = appOn({
      database: async () => {
        if (seen && failures < 3) {
          failures += 1;
          throw Object.assign(new Error('Connection terminated unexpectedly'), {});
        }
        return database;
      },
    });
    const events = await followed(app, id, async (event) => {
      if (event.event === 'state') seen = true;
      if (event.event === 'database-back') await move(id, 'cancelled');
    });
    expect(failures).toBe(3);
    expect(words(events).filter((word) => word.startsWith('database'))).toEqual(['database-lost', 'database-back']);
  });

  test('gives up when the database stays away for more than a minute, and says how to return', async () => {
    const id = await planned('six');
    let seen = false;
    let now = 0;
    const app = appOn({
      database: async () => {
        if (seen) throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
        return database;
      },
      nowMs: () => now,
      sleep: async () => void (now += 10_000),
    });
    const following = followed(app, id, () => void (seen = true));
    await expect(following).rejects.toMatchObject({
      kind: 'database-unavailable',
      next: expect.stringContaining(`shipway attach ${id}`) as string,
    });
    await move(id, 'cancelled');
  });

  test('an error that is not the absence of the database is told at once', async () => {
    await expect(followed(appOn(), 'r-9999')).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('status', () => {
  test('creates nothing where nothing was released', async () => {
    const place = join(directory, 'nothing-here');
    const status = await showStatus(appOn({ stateDirectory: place, existingDatabase: async () => null }));
    expect(status.places).toEqual([]);
    expect(existsSync(place)).toBe(false);
  });

  test('has a queue of what waits for a person, each with the command to type', async () => {
    const waiting = await planned('waits');
    await move(waiting, 'waiting', { waitingFor: { kind: 'approval', count: 1, from: ['bo'] } });
    const stuck = await planned('stuck');
    await move(stuck, 'running');
    await move(stuck, 'needs-human', {
      cause: { kind: 'cannot-tell', message: 'nobody knows', where: null, next: '' },
    });
    const status = await showStatus(appOn());
    expect(needsYou(status).map(({ what, command }) => [what, command])).toEqual([
      [`waits 1.1.0 to production waits for 1 approval of bo`, `shipway approve ${waiting}`],
      [`nobody runs ${waiting} (waits 1.1.0, waiting)`, `shipway resume ${waiting}`],
      ['stuck 1.1.0 in production: it stopped half way: nobody knows', `shipway show ${stuck}`],
    ]);
    await move(waiting, 'cancelled');
    await move(stuck, 'cancelled');
  });

  test('says where a running release is, with its last line', async () => {
    const id = await planned('busy');
    await move(id, 'running');
    await beginStep(database, at(id, 'migrate.up'), { waitsForDisk: false });
    await addStepLine(database.db, id, 'migrate.up', 'first');
    await addStepLine(database.db, id, 'migrate.up', 'second');
    const place = (await showStatus(appOn())).places.find(({ service }) => service === 'busy');
    expect(place?.open).toMatchObject([{ id, state: 'running', step: { id: 'migrate.up', line: 'second' } }]);
    await move(id, 'cancelled');
  });
});

describe('one release', () => {
  test('is shown with problems and their last lines, approvals of other plans, and the newest round of the watch', async () => {
    const id = await planned('shown');
    const row = await getRelease(database.db, id);
    await recordDecision(database.db, row, {
      person: 'bo',
      decision: 'approved',
      reason: null,
      planDigest: 'sha256:other',
    });
    await move(id, 'running');
    const begun = await beginStep(database, at(id, 'migrate.up'), { waitsForDisk: false });
    await addStepLine(database.db, id, 'migrate.up', 'relation does not exist');
    await failStep(database, at(id, 'migrate.up'), begun.row.attempt, {
      kind: 'migration-failed',
      message: 'up failed',
      where: 'x',
      next: 'y',
    });
    const verdict = { criterion: 'c', outcome: 'pass', sentence: 'fine' };
    for (const round of [0, 1]) {
      const sample = { atSeconds: round, probes: [], metrics: null, metricsProblem: null, memoryShare: null };
      await keepRound(
        database.db,
        id,
        {
          round,
          atSeconds: round * 10,
          takenAtMs: 0,
          sample,
          verdicts: { verdicts: [verdict] },
          action: null,
        },
        null,
      );
    }
    const detail = await showRelease(appOn(), id);
    expect(detail.steps.map(({ state, lines }) => [state, lines])).toEqual([
      ['pending', []],
      ['failed', ['relation does not exist']],
      ['pending', []],
    ]);
    expect(detail.approvals).toMatchObject([{ person: 'bo', ofThisPlan: false }]);
    expect(detail.watch).toEqual({ round: 1, atSeconds: 10, action: null, verdicts: [verdict] });
    await move(id, 'cancelled');
  });

  test('stopping it would cancel it before it changed anything, and take it back afterwards', async () => {
    const id = await planned('turned');
    await move(id, 'running');
    await did(id, 'lock.take');
    expect((await showWayBack(appOn(), id, 'why')).plan).toBeNull();
    await did(id, 'deploy.apply');
    const { plan } = await showWayBack(appOn(), id, 'why');
    expect(stepsOf(plan as Plan).map(({ step: { id: stepId } }) => stepId)).toEqual(['undo.deploy.apply']);
    expect((await stepRuns(database.db, id)).length).toBe(3); // looking wrote nothing down
    await move(id, 'cancelled');
  });

  test('history finds it by service and version, with who approved it', async () => {
    const id = await planned('old');
    const row = await getRelease(database.db, id);
    await recordDecision(database.db, row, {
      person: 'chen',
      decision: 'approved',
      reason: null,
      planDigest: row.plan_digest,
    });
    await requestOfRelease(database.db, row, { word: 'abort', person: 'ana', reason: null });
    await move(id, 'cancelled');
    const filter = { service: 'old', environment: null, version: '1.1.0', limit: 5 };
    expect(await showHistory(appOn(), filter)).toMatchObject([{ id, state: 'cancelled', approvedBy: ['chen'] }]);
    expect(await showHistory(appOn(), { ...filter, version: '9.9.9' })).toEqual([]);
  });
});

describe('verification', () => {
  test('is good for an untouched journal, and bad with an anchor of another one', async () => {
    const found = await verifyRecord(appOn(), []);
    expect(found.valid).toBe(true);
    const other = parseAnchor(`${found.head?.index ?? 0}:${'0'.repeat(64)}`);
    expect((await verifyRecord(appOn(), [other])).first_error?.index).toBe(found.head?.index);
  });
});
