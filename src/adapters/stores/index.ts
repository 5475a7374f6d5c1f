import { z } from 'zod';
import { openCommandStore } from './command/command-store.ts';
import { commandStoreSettings, type CommandStoreSettings } from './command/settings.ts';
import { openDuckdbStore } from './duckdb/duckdb-store.ts';
import { duckdbSettings, type DuckdbSettings } from './duckdb/settings.ts';
import { openFilesStore } from './files/files-store.ts';
import { staysInside } from './files/file-index.ts';
import { postgresSettings } from './postgres/postgres-settings.ts';
import { openPostgresStore } from './postgres/postgres-store.ts';
import { openRedisStore } from './redis/redis-store.ts';
import { redisSettings, type RedisSettings } from './redis/settings.ts';
import { openSqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

/** What a kind of store needs to be used from the release file. */
export interface StoreKind {
  settings: z.ZodType;
  /** One line for the reference page. */
  summary: string;
  /** Opens nothing yet: the data is touched by the methods of the store. Gets the settings as the schema gave them. */
  open(settings: unknown, scope: { projectDirectory: string }): Store;
}

const sqliteSettings = z
  .strictObject({
    path: z.string().min(1).describe('Database file, relative to the project; may hold $VARIABLES.'),
  })
  .describe('A SQLite database in one file, copied while it is in use.');

const projectPath = z
  .string()
  .refine((path) => path !== '.' && staysInside(path), {
    message: 'must be relative to the project, without "..", "." or a "/" at the end',
  })
  .describe('File or folder, relative to the project.');

const filesSettings = z
  .strictObject({
    paths: z
      .array(projectPath)
      .min(1)
      .refine(
        (paths) =>
          !paths.some((path, at) => paths.some((other, to) => at !== to && `${path}/`.startsWith(`${other}/`))),
        {
          message: 'one of the paths is inside another',
        },
      ),
    exclude: z
      .array(z.string().min(1))
      .default([])
      .describe('Patterns of paths that are left out, such as "*.tmp" or "uploads/cache/**".'),
  })
  .describe('Files and folders of the project, copied into an archive with a checksum for each.');

export type StoreKindName = 'sqlite' | 'postgres' | 'files' | 'redis' | 'command' | 'duckdb';

/** Every kind of store by the word it has in the release file. */
export const storeKinds: Record<StoreKindName, StoreKind> = {
  sqlite: {
    settings: sqliteSettings,
    summary: 'a SQLite database, copied consistently while the service writes',
    open: (settings, scope) => openSqliteStore(sqliteSettings.parse(settings), scope),
  },
  postgres: {
    settings: postgresSettings,
    summary: 'a PostgreSQL database, copied consistently while the service writes',
    open: (settings) => openPostgresStore(postgresSettings.parse(settings)),
  duckdb: {
    settings: duckdbSettings,
    summary: 'a DuckDB database, copied by its owner or while nobody holds it',
    open: (settings, scope) => openDuckdbStore(settings as DuckdbSettings, scope),
  },
  files: {
    settings: filesSettings,
    summary: 'files and folders, such as uploads',
    open: (settings, scope) => openFilesStore(filesSettings.parse(settings), scope),
  },
  redis: {
    settings: redisSettings,
    summary: 'a Redis server, saved while the service writes',
    open: (settings, scope) => openRedisStore(settings as RedisSettings, scope),
  },
  command: {
    settings: commandStoreSettings,
    summary: "any data, by the team's own commands",
    open: (settings, scope) => openCommandStore(settings as CommandStoreSettings, scope),
  },
};
