import type { Rehearsing, Store } from '../adapters/stores/store.ts';
import type { EnvironmentConfig, MigrateConfig, RehearsalConfig } from '../core/config/service-config.ts';
import { lockedBy } from '../core/plan/may-proceed.ts';
import { judgePending } from '../core/plan/pending-migration.ts';
import type { Plan } from '../core/plan/plan.ts';
import { rehearsalSubject } from '../core/plan/rehearsal-standing.ts';
import { problem, type Problem } from '../core/release/problem.ts';
import type { BackupSummary } from '../engine/steps/step-backups.ts';
import type { App } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';
import { planRelease } from './plan-release.ts';

export interface RehearsalRequest {
  version: string;
  environment: string | null;
  store: string | null;
}

/** What will be rehearsed, found out without changing anything. */
export interface PlannedRehearsal {
  plan: Plan;
  planDigest: string;
  subject: string;
  /** Of the live data. */
  revision: string;
  migrate: MigrateConfig;
  rehearsal: RehearsalConfig;
  store: { name: string; kind: string; rehearsing: Rehearsing };
  backup: BackupSummary;
  environment: EnvironmentConfig;
  /** Where copies are made, relative to the project. */
  scratchPlace: string;
  /** Rules that found something in the migration which nobody has allowed; none where its SQL is not seen. */
  judged: string[];
}

/** Throws `usage` or `refused` where there is nothing to rehearse, nothing to rehearse it on, or no way that leads away from the live data. */
export async function planRehearsal(app: App, request: RehearsalRequest): Promise<PlannedRehearsal> {
  const { config } = await app.releaseFile();
  const environment = chooseEnvironment(config, request.environment);
  const { migrate, rehearsal, name } = environment;
  const where = `environments.${name}.rehearsal`;
  if (migrate === null) {
    throw problem(
      'usage',
      `${name} of ${config.service} has no migration (migrate:), so there is nothing to rehearse`,
      {
        where: `environments.${name}.migrate`,
        next: 'Declare one: see docs/guide/migrations.md',
      },
    );
  }
  if (rehearsal === null) {
    throw problem('usage', `the release file does not say how the migration of ${name} is led to a copy of the data`, {
      where,
      next: 'Write rehearsal: { env: { DATABASE_URL: $SCRATCH_URL } } there ($SCRATCH_PATH for SQLite): see docs/guide/migrations.md',
    });
  }
  const database = await app.existingDatabase();
  const view = await planRelease(
    app,
    { version: request.version, environment: name, releaseType: 'regular', reason: null, commit: null },
    database,
  );
  const { plan, facts, digest } = view;
  if (facts.lock !== null) throw lockedBy(plan, facts.lock);
  const store = chooseStore(await openStores(app, plan), request.store ?? rehearsal.store, where);
  const backup = newestWith(await (await app.tools()).backups.list(plan), store.name);
  if (backup === null) throw noBackup(plan, store.name);
  const subject = rehearsalSubject(plan, facts);
  if (facts.revision === null || subject === null) throw noRevision(name, facts.problems);
  const found = facts.pending === null ? [] : judgePending(facts.pending, migrate.allow);
  const against = found.filter((one) => one.allowed === null && one.severity !== 'note');
  const judged = [...new Set(against.map(({ rule }) => rule))];
  const tried = { planDigest: digest, subject, revision: facts.revision, migrate, rehearsal, store, backup };
  return { plan, ...tried, environment, scratchPlace: config.backups.scratch, judged };
}

interface OpenStore {
  name: string;
  kind: string;
  store: Store;
}

async function openStores(app: App, plan: Plan): Promise<OpenStore[]> {
  return (await app.tools()).stores(plan).map(({ name, store }) => ({ name, kind: store.kind, store }));
}

/** The store that is named, or the only one that can be rehearsed. */
function chooseStore(stores: OpenStore[], name: string | null, where: string): PlannedRehearsal['store'] {
  const able = stores.flatMap(({ store, ...one }) =>
    store.rehearsing === undefined ? [] : [{ ...one, rehearsing: store.rehearsing }],
  );
  const found = name === null ? able : able.filter((one) => one.name === name);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  const names = stores.map((one) => `${one.name} (${one.kind})`).join(', ') || 'none';
  if (name !== null) {
    const wanted = stores.find((one) => one.name === name);
    const message =
      wanted === undefined
        ? `there is no store "${name}" in this environment`
        : `"${name}" is a store of kind ${wanted.kind}, of which no scratch copy can be made that a migration could be led to`;
    throw problem('usage', message, { where, next: `Name one of kind postgres or sqlite. Stores here: ${names}` });
  }
  throw problem(
    'usage',
    able.length === 0
      ? 'no store of this environment can be rehearsed: a scratch copy is made of postgres and sqlite alone'
      : 'several stores could be the one that the migration changes',
    { where, next: `Name it with --store or rehearsal: store:. Stores here: ${names}` },
  );
}

function newestWith(backups: readonly BackupSummary[], store: string): BackupSummary | null {
  const holding = backups.filter((backup) => backup.stores.includes(store));
  return holding.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))[0] ?? null;
}

function noBackup(plan: Plan, store: string): Problem {
  return problem('refused', `there is no backup of ${store} of ${plan.service} ${plan.environment} to rehearse on`, {
    next: `Take one; what runs goes on running: shipway backup create --env ${plan.environment}`,
  });
}

function noRevision(environment: string, problems: readonly string[]): Problem {
  const why =
    problems.find((one) => one.includes('revision')) ?? 'the migration tool does not tell the schema revision';
  return problem('refused', `${why}; without it nobody could tell that the live data was left alone`, {
    where: `environments.${environment}.migrate`,
    next: 'Declare the command that prints the revision: see docs/guide/migrations.md',
  });
}
