import { problem } from '../core/release/problem.ts';
import type { Database } from '../state/open-database.ts';
import type { App } from './app.ts';

/** The memory, without making one: throws `not-found` where nothing was ever released. */
export async function existingMemory(app: App): Promise<Database> {
  const database = await app.existingDatabase();
  if (database !== null) return database;
  throw problem('not-found', 'nothing was ever released from here', {
    where: app.projectDirectory,
    next: 'Start a release: shipway release VERSION',
  });
}
