import { ENVIRONMENT_NOW, ENVIRONMENT_STARTED } from '../../core/backup/backup-context.ts';
import type { EnvironmentFacts, SchemaFacts } from '../../core/backup/manifest.ts';
import { isSameEnvironment, snapshotBytes } from '../../core/backup/environment-snapshot.ts';
import type { Chosen } from '../../core/config/service-config.ts';
import type { Plan } from '../../core/plan/plan.ts';
import { isProblem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import { gitFacts } from '../../platform/git-facts.ts';
import { environmentNow, namesIn, notedEnvironment } from './step-environment.ts';
import type { GatheredContext } from './step-backups.ts';
import type { Adapters } from './step-tools.ts';

export interface ContextRequest {
  adapters: Pick<Adapters, 'migrator'>;
  plan: Plan;
  /** The migration of the environment, and the version whose files it is asked for; null: none. */
  migrate: { chosen: Chosen; version: string } | null;
  configuration: string | null;
  effect: Effect;
}

/** Looks at all of it, and changes nothing. What cannot be found out is said in the manifest: no backup fails for it. */
export async function gatherContext(request: ContextRequest): Promise<GatheredContext> {
  const { plan, configuration, effect } = request;
  const { migration, down } = await gatherMigration(request);
  const { environment, secrets } = await gatherEnvironment(plan, effect);
  const commit = await gitFacts(effect.projectDirectory, effect.environment({}));
  return { facts: { commit, configuration, migration, environment }, down, secrets };
}

async function gatherMigration({
  adapters,
  migrate,
  effect,
}: ContextRequest): Promise<{ migration: SchemaFacts | null; down: string[] }> {
  if (migrate === null) return { migration: null, down: [] };
  const { chosen, version } = migrate;
  const migrator = adapters.migrator(chosen);
  const quiet = { ...effect, report: () => undefined };
  const revision = await unlessProblem(() => migrator.revision(version, quiet));
  const way = await unlessProblem(async () => migrator.wayDown?.(version, quiet));
  const known = way.value ?? null;
  const notStored = known === null ? (way.why ?? `${chosen.kind} does not tell which`) : known.notStored;
  const down = (known?.files ?? []).map((path) => path.replaceAll('\\', '/'));
  const migration = {
    kind: chosen.kind,
    version,
    revision: revision.value ?? null,
    goesTo: known?.goesTo ?? null,
    notStored: notStored === null ? null : notStored.split('\n', 1).join(''),
  };
  return { migration, down: notStored === null ? down : [] };
}

async function gatherEnvironment(
  plan: Plan,
  effect: Effect,
): Promise<{ environment: EnvironmentFacts | null; secrets: GatheredContext['secrets'] }> {
  const now = await environmentNow(plan, effect);
  const names = namesIn(now);
  if (plan.envFile === null && names.length === 0) return { environment: null, secrets: [] };
  const facts = { file: plan.envFile, names };
  if ((plan.backupKeys?.recipients ?? []).length === 0) {
    const notStored = 'there is nobody to encrypt it for (backups.encryption.recipients)';
    return { environment: { ...facts, startedBy: null, notStored }, secrets: [] };
  }
  const release = plan.previous?.release ?? null;
  const started = release === null ? null : await notedEnvironment(plan, release, effect);
  const isOther = started !== null && !isSameEnvironment(started, now);
  const secrets = [{ path: ENVIRONMENT_NOW, bytes: snapshotBytes(now) }];
  if (isOther) secrets.push({ path: ENVIRONMENT_STARTED, bytes: snapshotBytes(started) });
  return { environment: { ...facts, startedBy: isOther ? release : null, notStored: null }, secrets };
}

async function unlessProblem<Value>(ask: () => Promise<Value>): Promise<{ value: Value | null; why: string | null }> {
  try {
    return { value: await ask(), why: null };
  } catch (error) {
    if (isProblem(error)) return { value: null, why: error.message };
    throw error;
  }
}
