import { drillConcern } from '../core/backup/drill.ts';
import { planHead } from '../core/plan/build-plan.ts';
import type { JsonObject } from '../core/release/json.ts';
import { waitingWords } from '../core/plan/undo-with-data.ts';
import { isProblem } from '../core/release/problem.ts';
import { drillRecord } from '../state/backup-proofs.ts';
import { allLive } from '../state/live.ts';
import type { Database } from '../state/open-database.ts';
import { allHolds, lastStepLines, openQuarantines } from '../state/read-overview.ts';
import type { ReleaseRow, StepRunRow } from '../state/release-tables.ts';
import { openReleases } from '../state/releases.ts';
import { stepRuns } from '../state/step-runs.ts';
import type { App, LoadedReleaseFile } from './app.ts';
import { copyConcernsOf } from './inspect-copies.ts';
import { isExecutorAlive } from './ensure-executor.ts';
import { halfRestoreConcerns } from './half-restores.ts';
import { missingConcerns } from './missing-backups.ts';
import { viewRelease, type ReleaseView } from './release-view.ts';

/** An unfinished release, with the step it is at. */
export interface OpenReleaseView extends ReleaseView {
  step: { id: string; title: string; startedAt: string | null; line: string | null } | null;
  /** Whether it is run from this project. */
  isOurs: boolean;
  /** What a rollback of the data costs now, where a copy of it waits; otherwise null. */
  waitingData: string | null;
}

/** One service in one environment. */
export interface PlaceView {
  service: string;
  environment: string;
  live: { version: string; release: string; since: string } | null;
  open: OpenReleaseView[];
  /** Automatic releases are held, with why and since when. */
  hold: { release: string; reason: string; since: string } | null;
}

export interface StatusView {
  places: PlaceView[];
  quarantine: { service: string; version: string; release: string; reason: string; since: string }[];
  /** Places whose backups were not proven by a restore as often as the release file asks, or whose last proof failed. */
  drills: { service: string; environment: string; concern: string }[];
  /** Places whose newest backup is not in every second place. */
  copies: { service: string; environment: string; concern: string }[];
  /** Places with backups that were sealed here, and are neither here nor pruned. */
  missing: { service: string; environment: string; concern: string }[];
  /** Places with data half swapped by a restore that was killed, and what finishes it. */
  restores: { service: string; environment: string; concern: string; command: string }[];
  /** Whether somebody runs the unfinished releases. */
  executorAlive: boolean;
  /** Why the places of the release file are missing here; null when it was read, or when there is none. */
  releaseFileProblem: string | null;
  now: string;
}

/** What is live where, what is under way and what waits for a person. Creates nothing: where nothing was released it is empty. */
export async function showStatus(app: App): Promise<StatusView> {
  const { declared, releaseFileProblem } = await declaredPlaces(app);
  const database = await app.existingDatabase();
  const now = new Date(app.nowMs()).toISOString();
  if (database === null) {
    const none = { quarantine: [], drills: [], copies: [], missing: [], restores: [] };
    return { places: declared, ...none, executorAlive: false, releaseFileProblem, now };
  }
  const { db } = database;
  const [live, holds, quarantine, rows] = await Promise.all([
    allLive(db),
    allHolds(db),
    openQuarantines(db),
    openReleases(db),
  ]);
  const places = new Map(declared.map((place) => [keyOf(place), place]));
  const placeOf = (at: { service: string; environment: string }): PlaceView => {
    const known = places.get(keyOf(at)) ?? emptyPlace(at);
    places.set(keyOf(at), known);
    return known;
  };
  for (const row of live) placeOf(row).live = { version: row.version, release: row.release_id, since: row.since };
  for (const { release, reason, since, ...at } of holds) placeOf(at).hold = { release, reason, since };
  for (const row of rows) {
    const steps = await stepRuns(database.db, row.id);
    const step = await currentStep(database, row.id, steps);
    const isOurs = row.project === app.project;
    placeOf(row).open.push({ ...viewRelease(row), step, isOurs, waitingData: waitingDataOf(row, steps) });
  }
  const sorted = [...places.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const executorAlive = rows.length > 0 && (await isExecutorAlive(app));
  const drills = await drillConcerns(app, database);
  const copies = await copiesMissing(app, database);
  const restores = await restoresHalfDone(app);
  const missing = await backupsMissing(app);
  return { places: sorted, quarantine, drills, copies, missing, restores, executorAlive, releaseFileProblem, now };
}

function emptyPlace({ service, environment }: { service: string; environment: string }): PlaceView {
  return { service, environment, live: null, open: [], hold: null };
}

function keyOf({ service, environment }: { service: string; environment: string }): string {
  return `${service} ${environment}`;
}

/** The places of the release file; a folder without one (or with a broken one) still has a status. */
async function declaredPlaces(app: App): Promise<{ declared: PlaceView[]; releaseFileProblem: string | null }> {
  try {
    const { config } = await app.releaseFile();
    const names = Object.keys(config.environments);
    return {
      declared: names.map((environment) => emptyPlace({ service: config.service, environment })),
      releaseFileProblem: null,
    };
  } catch (error) {
    if (isProblem(error) && error.kind === 'config-missing') return { declared: [], releaseFileProblem: null };
    if (isProblem(error) && error.kind === 'config-invalid') {
      return { declared: [], releaseFileProblem: error.message };
    }
    throw error;
  }
}

async function readableFile(app: App): Promise<LoadedReleaseFile | null> {
  return app.releaseFile().catch((error: unknown) => {
    if (isProblem(error)) return null; // said by `releaseFileProblem`
    throw error;
  });
}

async function copiesMissing(app: App, database: Database): Promise<StatusView['copies']> {
  const file = await readableFile(app);
  return file === null ? [] : copyConcernsOf(database, file.config);
}

async function backupsMissing(app: App): Promise<StatusView['missing']> {
  const file = await readableFile(app);
  return file === null ? [] : missingConcerns(app, file.config);
}

async function restoresHalfDone(app: App): Promise<StatusView['restores']> {
  const file = await readableFile(app);
  return file === null ? [] : halfRestoreConcerns(app, file.config);
}

/** By the release file as it is now; without one that can be read nobody asks for drills. */
async function drillConcerns(app: App, { db }: Database): Promise<StatusView['drills']> {
  const file = await readableFile(app);
  if (file === null) return [];
  const { service, environments, backups } = file.config;
  const tools = await app.tools();
  const found: StatusView['drills'] = [];
  for (const environment of Object.values(environments)) {
    const { name, stores } = environment;
    if (backups.drillSeconds === null || stores.length === 0) continue;
    const listed = await tools.backups.ids(planHead(file.config, environment, { version: '0.0.0', commit: null }));
    const record = await drillRecord(db, { service, environment: name });
    const concern = drillConcern({ ...record, listed, everySeconds: backups.drillSeconds }, app.nowMs());
    if (concern !== null) found.push({ service, environment: name, concern });
  }
  return found;
}

/** Not of one that is on its way back: what it does with the data is decided. */
function waitingDataOf(row: ReleaseRow, steps: readonly StepRunRow[]): string | null {
  const run = steps.find((step) => step.kind === 'prestage-restore' && step.state === 'finished');
  if (run === undefined || run.result === null || row.undo_digest !== null) return null;
  return waitingWords(JSON.parse(run.result) as JsonObject);
}

async function currentStep(
  database: Database,
  releaseId: string,
  steps: readonly StepRunRow[],
): Promise<OpenReleaseView['step']> {
  const current = steps.findLast((step) => step.state === 'started') ?? steps.find((step) => step.state === 'failed');
  if (current === undefined) return null;
  const [line = null] = await lastStepLines(database.db, releaseId, current.step_id, 1);
  return { id: current.step_id, title: current.title, startedAt: current.started_at, line };
}

/** Something that only a person can bring on, and the command for it. */
export interface NeedsYou {
  release: string;
  what: string;
  since: string;
  command: string;
}

/** The queue of what waits for a person, oldest first. */
export function needsYou(status: StatusView): NeedsYou[] {
  const open = status.places.flatMap((place) => place.open);
  const waiting = open.flatMap((release) => [
    ...needsPerson(release),
    ...needsApproval(release),
    ...needsResume(release),
  ]);
  const abandoned = status.executorAlive
    ? []
    : open
        .filter((release) => release.isOurs && release.state !== 'needs-human')
        .map((release) => ({
          release: release.id,
          what: `nobody runs ${release.id} (${release.service} ${release.version}, ${release.state})`,
          since: release.stateSince,
          command: `shipway resume ${release.id}`,
        }));
  return [...waiting, ...abandoned].toSorted((a, b) => (a.since < b.since ? -1 : 1));
}

function needsPerson(release: ReleaseView): NeedsYou[] {
  if (release.state !== 'needs-human') return [];
  const what = release.isGoingBack ? 'the rollback failed' : 'it stopped half way';
  return [
    {
      release: release.id,
      what: `${release.service} ${release.version} in ${release.environment}: ${what}: ${release.cause?.message ?? 'see the release'}`,
      since: release.stateSince,
      command: `shipway show ${release.id}`,
    },
  ];
}

function needsApproval(release: ReleaseView): NeedsYou[] {
  const waiting = release.waitingFor;
  if (waiting?.['kind'] !== 'approval') return [];
  return [
    {
      release: release.id,
      what: `${release.service} ${release.version} to ${release.environment} waits for ${approvalWords(waiting)}`,
      since: release.stateSince,
      command: `shipway approve ${release.id}`,
    },
  ];
}

function approvalWords(waiting: JsonObject): string {
  const count = typeof waiting['count'] === 'number' ? waiting['count'] : 1;
  const from = Array.isArray(waiting['from']) ? waiting['from'].map(String) : [];
  return `${count} approval${count === 1 ? '' : 's'}${from.length > 0 ? ` of ${from.join(', ')}` : ''}`;
}

function needsResume(release: ReleaseView): NeedsYou[] {
  const waiting = release.waitingFor;
  if (waiting?.['kind'] !== 'pause') return [];
  const reason = typeof waiting['reason'] === 'string' ? `: ${waiting['reason']}` : '';
  const by = typeof waiting['by'] === 'string' ? waiting['by'] : 'a person';
  return [
    {
      release: release.id,
      what: `${release.service} ${release.version} in ${release.environment} is paused by ${by}${reason}`,
      since: release.stateSince,
      command: `shipway resume ${release.id}`,
    },
  ];
}
