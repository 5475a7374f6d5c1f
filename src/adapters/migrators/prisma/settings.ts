import { z } from 'zod';
import { argvSetting } from '../../../platform/settings.ts';
import { toolSettings } from '../tool-settings.ts';

export interface PrismaSettings {
  command: string[];
  schema: string;
  config: string | null;
  migrations: string;
  directory: string;
  files?: string[] | undefined;
  env: Record<string, string>;
  timeoutSeconds: number;
}

/** `prisma`: the migration tool of projects that use Prisma. */
export const prismaSettings = z
  .strictObject({
    command: argvSetting()
      .default(['npx', '--no-install', 'prisma'])
      .describe('How it is started, e.g. `[node_modules/.bin/prisma]`, which is quicker.'),
    schema: z.string().min(1).default('prisma/schema.prisma').describe('Its schema, relative to `directory`.'),
    config: z
      .string()
      .min(1)
      .optional()
      .describe('Its configuration, relative to `directory`. Default: what Prisma finds itself.'),
    migrations: z
      .string()
      .min(1)
      .default('prisma/migrations')
      .describe(
        'Folder of the migrations, relative to `directory`; the way down is the `down.sql` beside a `migration.sql`.',
      ),
    ...toolSettings('Variables for Prisma, e.g. `DATABASE_URL: $DATABASE_URL`; never an argument.'),
  })
  .transform(({ timeout, config, ...rest }): PrismaSettings => {
    return { ...rest, config: config ?? null, timeoutSeconds: timeout };
  });
