import { isExecutorGone } from '../state/executor-lock.ts';
import { listedExecutors } from '../state/executors.ts';
import type { App } from './app.ts';

/** Whether any executor of this project lives; told by its advisory lock, which PostgreSQL frees when it dies. */
export async function isExecutorAlive(app: App): Promise<boolean> {
  const database = await app.database();
  for (const row of await listedExecutors(database.db)) {
    if (row.project !== app.project) continue;
    if (!(await isExecutorGone(database.pool, row.id))) return true;
  }
  return false;
}

/** Starts an executor unless one lives. Two at once do no harm: a release is run by one of them. */
export async function ensureExecutor(app: App): Promise<void> {
  if (await isExecutorAlive(app)) return;
  await app.startExecutor();
}
