import { sql, type Kysely } from 'kysely';
import { holdsSchema } from '../core/backup/holds-schema.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import type { SchemaEvent } from '../core/plan/schema-history.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { Tables } from './tables.ts';

/** Steps that change the schema, and what each of them does to it. */
const STEPS: Record<string, Exclude<SchemaEvent['kind'], 'restored' | 'restoring'>> = {
  'migrate.up': 'up',
  'migrate.contract': 'contract',
  'undo.migrate.up': 'down',
  'data.down': 'down',
};

/** What the journal says of the moment that a backup is of. */
type Taken = Pick<SchemaEvent, 'takenAt' | 'takenRevision'>;

interface Row {
  type: string;
  release: string | null;
  entry: string;
}

/** Everything the journal says about changes of the schema of an environment, oldest first. */
export async function schemaEvents(
  db: Kysely<Tables>,
  place: { service: string; environment: string },
): Promise<SchemaEvent[]> {
  const { rows } = await sql<Row>`
    select type, release, entry from shipway.journal
    where service = ${place.service} and environment = ${place.environment}
      and (type in ('backup.restoring', 'backup.restored', 'backup.restore-failed', 'backup.sealed')
        or (type = 'step.finished' and (entry::jsonb) -> 'data' ->> 'step' in (${sql.join(Object.keys(STEPS))})))
    order by index`.execute(db);
  const taken = new Map<string, Taken>();
  let begun: BegunRestore[] = [];
  const events = rows.flatMap((row): SchemaEvent[] => {
    const { at, data } = JSON.parse(row.entry) as { at: string; data: JsonObject };
    if (row.type === 'backup.sealed') {
      // The entry is written when the backup was read again; one without the moment is as old as itself at most.
      const takenAt = textOf(data['consistentAt']) ?? at;
      taken.set(textOf(data['backup']) ?? '', { takenAt, takenRevision: textOf(data['revision']) });
      return [];
    }
    if (row.type === 'step.finished') return [eventOf(row, at, data, taken)];
    begun = begun.filter((one) => !isEnded(one, row.type, data));
    if (row.type === 'backup.restore-failed' || !holdsSchemaIn(data['stores'])) return [];
    const event = eventOf(row, at, data, taken);
    if (event.kind === 'restoring') begun.push({ event, data });
    return [event];
  });
  return events.filter((event) => event.kind !== 'restoring' || begun.some((one) => one.event === event));
}

/** A restore of which nothing is known yet but that it was about to swap. */
interface BegunRestore {
  event: SchemaEvent;
  data: JsonObject;
}

/** It was finished, by itself or by a later one of the same stores; or all of them were put back. */
function isEnded({ data: begun }: BegunRestore, type: string, data: JsonObject): boolean {
  if (type === 'backup.restored') {
    if (!Array.isArray(data['stores'])) return true;
    const restored = namesIn(data['stores']);
    return namesIn(begun['stores']).every((name) => restored.includes(name));
  }
  const isSame = JSON.stringify(begun['kept']) === JSON.stringify(data['kept']);
  if (type === 'backup.restoring') return isSame;
  return isSame && Array.isArray(data['notPutBack']) && data['notPutBack'].length === 0;
}

function namesIn(stores: Json | undefined): string[] {
  return Array.isArray(stores) ? stores.map((store) => textOf((store as JsonObject)['name']) ?? '') : [];
}

/** Uploads that go back take no schema with them. Entries that do not name the stores are of all of them. */
function holdsSchemaIn(stores: Json | undefined): boolean {
  if (!Array.isArray(stores)) return true;
  return stores.some((store) => holdsSchema(textOf((store as JsonObject)['kind']) ?? ''));
}

function eventOf({ type, release }: Row, at: string, data: JsonObject, taken: Map<string, Taken>): SchemaEvent {
  const nothing = { at, release, before: null, after: null, takenAt: null };
  if (type === 'backup.restored' || type === 'backup.restoring') {
    const kind = type === 'backup.restored' ? 'restored' : 'restoring';
    return { ...nothing, kind, ...taken.get(textOf(data['backup']) ?? '') };
  }
  const kind = STEPS[textOf(data['step']) ?? ''] ?? 'up';
  const result = (data['result'] ?? {}) as JsonObject;
  if (kind === 'down') return { ...nothing, kind, after: textOf(result['revision']) };
  const added = Array.isArray(result['added']) ? { added: result['added'] } : {};
  return { ...nothing, kind, before: textOf(result['before']), after: textOf(result['after']), ...added };
}

/** The plans of these releases, by id. */
export async function plansOf(db: Kysely<Tables>, ids: readonly string[]): Promise<Map<string, Plan>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('shipway.release')
    .select(['id', 'plan'])
    .where('id', 'in', [...ids])
    .execute();
  return new Map(rows.map(({ id, plan }) => [id, JSON.parse(plan) as Plan]));
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
