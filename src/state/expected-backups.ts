import type { Kysely } from 'kysely';
import { entriesOf, type Place } from './backup-record.ts';
import type { Tables } from './tables.ts';

/** Ids of the backups that this project sealed and nobody pruned, by the journal. Those of other machines that share the memory lie elsewhere. */
export async function expectedBackups(db: Kysely<Tables>, place: Place, project: string): Promise<string[]> {
  const expected = new Set<string>();
  const types = ['backup.sealed', 'backup.pruned', 'backup.recovered', 'backup.removed'];
  const own = new Set<string>();
  for (const { type, data } of await entriesOf(db, place, types)) {
    const id = typeof data['backup'] === 'string' ? data['backup'] : '';
    if (type === 'backup.sealed' && data['project'] === project) own.add(id);
    if (type === 'backup.sealed' || type === 'backup.recovered') expected.add(id);
    else expected.delete(id);
  }
  return [...expected].filter((id) => own.has(id)).sort();
}
