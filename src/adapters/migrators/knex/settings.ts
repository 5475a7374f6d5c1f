import { z } from 'zod';
import { argvSetting } from '../../../platform/settings.ts';
import { toolSettings } from '../tool-settings.ts';

export interface KnexSettings {
  command: string[];
  knexfile: string | null;
  migrations: string;
  directory: string;
  files?: string[] | undefined;
  env: Record<string, string>;
  timeoutSeconds: number;
}

/** `knex`: the migration tool of Node projects that use Knex. */
export const knexSettings = z
  .strictObject({
    command: argvSetting()
      .default(['npx', '--no-install', 'knex'])
      .describe('How it is started, e.g. `[node_modules/.bin/knex]`, which is quicker.'),
    knexfile: z
      .string()
      .min(1)
      .optional()
      .describe('Its file, relative to `directory`. Default: what knex finds itself.'),
    migrations: z
      .string()
      .min(1)
      .default('migrations')
      .describe(
        'Folder of the migration files, relative to `directory`; read to see whether each runs in a transaction. Which are run says the knexfile.',
      ),
    ...toolSettings('Variables for its knexfile, e.g. `DATABASE_URL: $DATABASE_URL` and NODE_ENV; never an argument.'),
  })
  .transform(({ timeout, knexfile, ...rest }): KnexSettings => {
    return { ...rest, knexfile: knexfile ?? null, timeoutSeconds: timeout };
  });
