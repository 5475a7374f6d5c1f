import type { z } from 'zod';
import type { Json } from '../../core/release/json.ts';
import type { LockManners } from '../../core/release/lock-manners.ts';
import { openAlembicMigrator } from './alembic/alembic-migrator.ts';
import { alembicSettings } from './alembic/settings.ts';
import { openCommandMigrator } from './command/command-migrator.ts';
import { migratorSettings } from './command/settings.ts';
import { openKnexMigrator } from './knex/knex-migrator.ts';
import { knexSettings } from './knex/settings.ts';
import type { Migrator } from './migrator.ts';
import { openPrismaMigrator } from './prisma/prisma-migrator.ts';
import { prismaSettings } from './prisma/settings.ts';

export interface MigratorKind {
  /** Checks what the release file says and gives what `open` takes. */
  settings: z.ZodType;
  summary: string;
  /** Without manners no limit is set, and nothing is tried again. */
  open(checkedSettings: Json, manners?: LockManners | null): Migrator;
}

/** What changes the schema of a store. A new migrator is one folder and one line here. */
export const migratorKinds: Record<'command' | 'alembic' | 'knex' | 'prisma', MigratorKind> = {
  command: { settings: migratorSettings, summary: "the project's own migration tool", open: openCommandMigrator },
  alembic: { settings: alembicSettings, summary: 'Alembic, for SQLAlchemy projects', open: openAlembicMigrator },
  knex: { settings: knexSettings, summary: 'Knex migrations, for Node projects', open: openKnexMigrator },
  prisma: { settings: prismaSettings, summary: 'Prisma Migrate, on PostgreSQL', open: openPrismaMigrator },
};
