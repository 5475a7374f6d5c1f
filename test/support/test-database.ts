import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeServer } from '../../src/state/embedded-postgres.ts';
import { openDatabase, type Database } from '../../src/state/open-database.ts';

/** Our own memory in a folder of its own, on a real server. */
export interface TestDatabase {
  directory: string;
  database: Database;
  /** Ends the server and deletes the folder. */
  remove(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const directory = mkdtempSync(join(tmpdir(), 'shipway-memory-'));
  // The server runs as another user under root, and must be able to walk through.
  chmodSync(directory, 0o755);
  const database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
  return {
    directory,
    database,
    async remove() {
      await database.close();
      await removeServer(directory);
      rmSync(directory, { recursive: true });
    },
  };
}
