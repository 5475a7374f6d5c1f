import type pg from 'pg';
import type { JournalEvent } from '../core/journal/event.ts';
import { entryPieces } from './journal.ts';

/** One statement that changes rows and returns them; its parameters are `$1`… */
export interface Write {
  /** Under this name the database keeps the statement prepared. */
  name: string;
  text: string;
  values: unknown[];
  /**
   * Whether the commit waits for the disk. A write that is only remembered so that people see it, or whose loss means that something
   * harmless is done again, need not: it becomes durable with the next commit that does wait.
   */
  waitsForDisk: boolean;
}

/**
 * Changes rows and journals it in one statement, so in one transaction and one round trip: this runs twice per step of every release.
 * Nothing is journalled when no row is changed; the caller finds out by the empty result.
 */
export async function journalledWrite<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  write: Write,
  event: JournalEvent,
): Promise<Row[]> {
  const at = (place: number): string => `$${write.values.length + place}`;
  const text = `WITH changed AS (${write.text}),
    entry AS (SELECT shipway.append_entry(${at(1)}::text[], ${at(2)}, ${at(3)}, ${at(4)}, ${at(5)}, ${at(6)}) WHERE EXISTS (SELECT FROM changed))
    SELECT changed.* FROM changed CROSS JOIN entry`;
  const { release, type, service, environment } = event;
  const values = [...write.values, entryPieces(event), release, type, service, environment, write.waitsForDisk];
  return (await pool.query<Row>({ name: `journalled ${write.name}`, text, values })).rows;
}
