import { sql, type Kysely } from 'kysely';
import type { JsonObject } from '../core/release/json.ts';
import { isAdvisoryLockHeld } from './advisory-lock.ts';
import type { Tables } from './tables.ts';

interface Place {
  service: string;
  environment: string;
}

/** Who has a service in an environment to itself: a release until it is over, or what a person does by hand until that process ends. */
export interface Holder {
  /** null: by hand. */
  release: string | null;
  person: string;
  why: string;
  since: string;
}

/** Who holds it by hand, as the journal has it; the server knows whether that process still lives. */
export async function handHolderOf(db: Kysely<Tables>, place: Place): Promise<Holder | null> {
  if (!(await isAdvisoryLockHeld(db, handKeyOf(place)))) return null;
  const { rows } = await sql<{ entry: string }>`
    select entry from shipway.journal
    where type = 'lock.taken' and release is null and service = ${place.service} and environment = ${place.environment}
    order by index desc limit 1`.execute(db);
  // Held a moment ago, and not written down yet.
  if (rows[0] === undefined) return { release: null, person: 'somebody', why: 'work by hand', since: 'just now' };
  const { at, data } = JSON.parse(rows[0].entry) as { at: string; data: JsonObject };
  const text = (name: string): string => (typeof data[name] === 'string' ? data[name] : '');
  return { release: null, person: text('person'), why: text('why'), since: at };
}

/** Of the lock that acts by hand hold alone, and that a release asks for while it takes its own. */
export function handKeyOf({ service, environment }: Place): string {
  return `by hand ${service} ${environment}`;
}
