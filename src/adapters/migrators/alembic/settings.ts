import { z } from 'zod';
import { argvSetting } from '../../../platform/settings.ts';
import { toolSettings } from '../tool-settings.ts';

export interface AlembicSettings {
  command: string[];
  config: string;
  to: string;
  dialect: 'postgresql' | 'sqlite' | null;
  directory: string;
  files?: string[] | undefined;
  env: Record<string, string>;
  timeoutSeconds: number;
}

/** `alembic`: the migration tool of SQLAlchemy projects. */
export const alembicSettings = z
  .strictObject({
    command: argvSetting()
      .default(['alembic'])
      .describe('How it is started, e.g. `[.venv/bin/alembic]` or `[alembic, -n, tenants]`.'),
    config: z.string().min(1).default('alembic.ini').describe('Its file, relative to `directory`.'),
    to: z
      .string()
      .min(1)
      .default('head')
      .describe('Where up goes: `head`, `heads`, a revision, or `expand@head` for one branch.'),
    dialect: z
      .enum(['postgresql', 'sqlite'])
      .optional()
      .describe('Language of its SQL. Default: sqlite where all SQL stores are SQLite, otherwise postgresql.'),
    ...toolSettings('Variables for its env.py, e.g. `DATABASE_URL: $DATABASE_URL`; never an argument.'),
  })
  .transform(({ timeout, dialect, ...rest }): AlembicSettings => {
    return { ...rest, dialect: dialect ?? null, timeoutSeconds: timeout };
  });
