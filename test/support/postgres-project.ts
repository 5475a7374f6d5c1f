import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresSettings } from '../../src/adapters/stores/postgres/postgres-settings.ts';
import { openPostgresStore, type PostgresStore } from '../../src/adapters/stores/postgres/postgres-store.ts';
import type { TestPostgres } from './postgres-server.ts';

/** A project folder and a database `shop` of its own on the server. */
export interface PostgresProject {
  directory: string;
  /** Empty, for one capture. */
  copy: string;
  open(settings?: object): PostgresStore;
  /** The word of the settings that runs the tools through a shell script beside the server; `"$@"` in it is the tool with its arguments. */
  through(script: string): string[];
  sql<Row extends object>(text: string): Promise<Row[]>;
  /** Ends everybody, drops every database of this project and the folder. */
  remove(): Promise<void>;
}

export async function createPostgresProject(server: TestPostgres): Promise<PostgresProject> {
  const directory = mkdtempSync(join(tmpdir(), 'shipway-pg-project-'));
  const copy = join(directory, 'copy');
  mkdirSync(copy);
  await server.query('postgres', 'CREATE DATABASE shop');
  return {
    directory,
    copy,
    open: (settings = {}) => openPostgresStore(postgresSettings.parse({ url: server.url('shop'), ...settings })),
    through(script) {
      const path = join(directory, 'tool.sh');
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return ['env', `PGHOST=${server.socketFolder}`, `PGPORT=${server.port}`, path];
    },
    sql: (text) => server.query('shop', text),
    async remove() {
      for (const name of await server.databases()) {
        await server.query('postgres', `DROP DATABASE "${name.replaceAll('"', '""')}" WITH (FORCE)`);
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
