import { z } from 'zod';
import { openCommandStore } from './command/command-store.ts';
import { commandStoreSettings, type CommandStoreSettings } from './command/settings.ts';
import { openDuckdbStore } from './duckdb/duckdb-store.ts';
import { duckdbSettings, type DuckdbSettings } from './duckdb/settings.ts';
import { openFilesStore } from './files/files-store.ts';
import { filesSettings, type FilesSettings } from './files/settings.ts';
import { postgresSettings, type PostgresSettings } from './postgres/postgres-settings.ts';
import { openPostgresCopies } from './postgres/postgres-copies.ts';
import { openQdrantStore } from './qdrant/qdrant-store.ts';
import { qdrantSettings, type QdrantSettings } from './qdrant/settings.ts';
import { openRedisStore } from './redis/redis-store.ts';
import { redisSettings, type RedisSettings } from './redis/settings.ts';
import type { StoreScope } from './scratch/scratch-folder.ts';
import { sqliteSettings, type SqliteSettings } from './sqlite/settings.ts';
import { openSqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';
import { volumeSettings, type VolumeSettings } from './volume/settings.ts';
import { openVolumeStore } from './volume/volume-store.ts';

export type { StoreScope };

/** What a kind of store needs to be used from the release file. */
export interface StoreKind {
  settings: z.ZodType;
  /** One line for the reference page. */
  summary: string;
  /** Opens nothing yet: the data is touched by the methods of the store. Gets the settings as the schema gave them. */
  open(settings: unknown, scope: StoreScope): Store;
}

export type StoreKindName = 'sqlite' | 'postgres' | 'duckdb' | 'redis' | 'files' | 'volume' | 'qdrant' | 'command';

/** Every kind of store by the word it has in the release file. */
export const storeKinds: Record<StoreKindName, StoreKind> = {
  sqlite: {
    settings: sqliteSettings,
    summary: 'a SQLite database, copied consistently while the service writes',
    open: (settings, scope) => openSqliteStore(settings as SqliteSettings, scope),
  },
  postgres: {
    settings: postgresSettings,
    summary: 'a PostgreSQL database, or a whole server, copied consistently while the service writes',
    open: (settings, scope) => openPostgresCopies(settings as PostgresSettings, scope),
  },
  duckdb: {
    settings: duckdbSettings,
    summary: 'a DuckDB database, copied by its owner or while nobody holds it',
    open: (settings, scope) => openDuckdbStore(settings as DuckdbSettings, scope),
  },
  files: {
    settings: filesSettings,
    summary: 'files and folders, such as uploads',
    open: (settings, scope) => openFilesStore(settings as FilesSettings, scope),
  },
  volume: {
    settings: volumeSettings,
    summary: 'a docker volume, copied while the containers that use it do not write',
    open: (settings, scope) => openVolumeStore(settings as VolumeSettings, scope),
  },
  qdrant: {
    settings: qdrantSettings,
    summary: 'collections of a Qdrant server, by its snapshots while the service writes',
    open: (settings, scope) => openQdrantStore(settings as QdrantSettings, scope),
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
