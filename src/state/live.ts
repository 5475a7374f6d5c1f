import type { Kysely, Transaction } from 'kysely';
import type { Actor, JournalEvent } from '../core/journal/event.ts';
import { appendToJournal } from './journal.ts';
import { nowText } from './releases.ts';
import type { Tables } from './tables.ts';

export interface LiveVersion {
  version: string;
  release: string;
  since: string;
}

/** What runs in an environment according to the record, or null before the first release. */
export async function liveVersion(
  db: Kysely<Tables>,
  service: string,
  environment: string,
): Promise<LiveVersion | null> {
  const row = await db
    .selectFrom('shipway.live')
    .selectAll()
    .where('service', '=', service)
    .where('environment', '=', environment)
    .executeTakeFirst();
  return row === undefined ? null : { version: row.version, release: row.release_id, since: row.since };
}

export async function setLive(
  tx: Transaction<Tables>,
  place: { service: string; environment: string },
  live: { version: string; release: string } | null,
): Promise<void> {
  await tx
    .deleteFrom('shipway.live')
    .where('service', '=', place.service)
    .where('environment', '=', place.environment)
    .execute();
  if (live === null) return;
  await tx
    .insertInto('shipway.live')
    .values({ ...place, version: live.version, release_id: live.release, since: nowText })
    .execute();
}

export async function allLive(
  db: Kysely<Tables>,
): Promise<{ service: string; environment: string; version: string; release_id: string; since: string }[]> {
  return db.selectFrom('shipway.live').selectAll().orderBy('service').orderBy('environment').execute();
}

export interface StableVersion {
  version: string;
  release: string;
  /** Rolled back since: no way back leads to it. */
  quarantined: boolean;
  /** When it had become stable, or was back. */
  finishedAt?: string;
}

/** Versions that were stable in the environment, newest first, each once. */
export async function stableVersions(
  db: Kysely<Tables>,
  service: string,
  environment: string,
): Promise<StableVersion[]> {
  const rows = await db
    .selectFrom('shipway.release')
    .select(['id', 'version', 'finished_at'])
    .where('service', '=', service)
    .where('environment', '=', environment)
    .where((eb) =>
      eb.or([eb('state', '=', 'stable'), eb.and([eb('kind', '=', 'rollback'), eb('state', '=', 'rolled-back')])]),
    )
    .orderBy('number', 'desc')
    .limit(200)
    .execute();
  const out = await db
    .selectFrom('shipway.quarantine')
    .select('version')
    .where('service', '=', service)
    .where('lifted_at', 'is', null)
    .execute();
  const quarantined = new Set(out.map((row) => row.version));
  const newest = new Map<string, StableVersion>();
  for (const { id, version, finished_at: finishedAt } of rows) {
    if (newest.has(version)) continue;
    const ended = finishedAt === null ? {} : { finishedAt };
    newest.set(version, { version, release: id, quarantined: quarantined.has(version), ...ended });
  }
  return [...newest.values()];
}

/** Environments in which the version was stable. */
export async function environmentsWhereStable(db: Kysely<Tables>, service: string, version: string): Promise<string[]> {
  const rows = await db
    .selectFrom('shipway.release')
    .select('environment')
    .distinct()
    .where('service', '=', service)
    .where('version', '=', version)
    .where('state', '=', 'stable')
    .execute();
  return rows.map((row) => row.environment);
}

export interface QuarantinedVersion {
  version: string;
  release: string;
  reason: string;
  since: string;
}

export async function quarantineOf(
  db: Kysely<Tables>,
  service: string,
  version: string,
): Promise<QuarantinedVersion | null> {
  const row = await db
    .selectFrom('shipway.quarantine')
    .selectAll()
    .where('service', '=', service)
    .where('version', '=', version)
    .where('lifted_at', 'is', null)
    .orderBy('since', 'desc')
    .executeTakeFirst();
  return row === undefined
    ? null
    : { version: row.version, release: row.release_id, reason: row.reason, since: row.since };
}

export interface Fencing {
  service: string;
  environment: string;
  version: string;
  release: string;
  reason: string;
}

/** Puts a version into quarantine and holds automatic releases, inside the transaction of the rollback; twice is harmless. */
export async function fenceVersion(tx: Transaction<Tables>, fencing: Fencing): Promise<void> {
  const { service, environment, version, release, reason } = fencing;
  await tx
    .insertInto('shipway.quarantine')
    .values({ service, version, release_id: release, reason, since: nowText })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await tx
    .insertInto('shipway.hold')
    .values({ service, environment, release_id: release, reason, since: nowText })
    .onConflict((conflict) => conflict.columns(['service', 'environment']).doNothing())
    .execute();
}

/** The journal entries that go with `fenceVersion`. */
export function fencingEvents(fencing: Fencing, actor: Actor): JournalEvent[] {
  const { service, environment, version, release, reason } = fencing;
  return [
    { type: 'quarantine.set', release, service, environment, actor, data: { version, reason } },
    { type: 'hold.set', release, service, environment, actor, data: { reason } },
  ];
}

export async function holdOf(
  db: Kysely<Tables>,
  service: string,
  environment: string,
): Promise<{ release: string; reason: string; since: string } | null> {
  const row = await db
    .selectFrom('shipway.hold')
    .selectAll()
    .where('service', '=', service)
    .where('environment', '=', environment)
    .executeTakeFirst();
  return row === undefined ? null : { release: row.release_id, reason: row.reason, since: row.since };
}

/** Lifts quarantine of a version on a person's word; returns whether there was one. */
export async function liftQuarantine(
  db: Kysely<Tables>,
  service: string,
  version: string,
  by: { actor: Actor; reason: string },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const lifted = await tx
      .updateTable('shipway.quarantine')
      .set({ lifted_at: nowText, lifted_by: by.actor.id, lift_reason: by.reason })
      .where('service', '=', service)
      .where('version', '=', version)
      .where('lifted_at', 'is', null)
      .returning('release_id')
      .execute();
    const release = lifted[0]?.release_id;
    if (release === undefined) return false;
    await appendToJournal(tx, [
      {
        type: 'quarantine.lifted',
        release,
        service,
        environment: '',
        actor: by.actor,
        data: { version, reason: by.reason },
      },
    ]);
    return true;
  });
}

/** Lets automatic releases run again; returns whether they were held. */
export async function liftHold(
  db: Kysely<Tables>,
  service: string,
  environment: string,
  by: { actor: Actor; reason: string },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const lifted = await tx
      .deleteFrom('shipway.hold')
      .where('service', '=', service)
      .where('environment', '=', environment)
      .returning('release_id')
      .execute();
    const release = lifted[0]?.release_id;
    if (release === undefined) return false;
    await appendToJournal(tx, [
      { type: 'hold.lifted', release, service, environment, actor: by.actor, data: { reason: by.reason } },
    ]);
    return true;
  });
}
