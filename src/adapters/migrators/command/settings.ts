import { z } from 'zod';
import { argvSetting, durationSetting } from '../../../platform/settings.ts';
import { filesSetting } from '../tool-settings.ts';

export interface MigratorSettings {
  up: string[];
  /** Null: there is no way down. */
  down: string[] | null;
  /** Null: the project's tool cannot tell. */
  revision: string[] | null;
  /** Null: the SQL of a migration is not seen before it runs. */
  preview: string[] | null;
  dialect: 'postgresql' | 'sqlite' | null;
  /** Null: there is nothing to print but the revision. */
  status: string[] | null;
  /** Whether an `up` that fails leaves the data as it was. */
  transactional: boolean;
  /** The same of `down`, with every migration and its record taken back together. */
  transactionalDown?: true;
  directory: string;
  files?: string[] | undefined;
  env: Record<string, string>;
  timeoutSeconds: number;
}

/** `command`: the project's own migration tool, called by its command lines. */
export const migratorSettings = z
  .strictObject({
    up: argvSetting().describe('Goes to the newest revision of $VERSION; does nothing when it is there already.'),
    down: argvSetting()
      .optional()
      .describe('Goes back to $REVISION, run with the files of the newer version; leave out if there is no way down.'),
    revision: argvSetting()
      .optional()
      .describe(
        'Prints the revision the data is at as its last line; changes nothing. Without it a person is asked after a crash.',
      ),
    preview: argvSetting()
      .optional()
      .describe(
        'Prints the SQL that `up` would run, and nothing else; changes nothing. The plan then shows what is unsafe in it.',
      ),
    dialect: z
      .enum(['postgresql', 'sqlite'])
      .optional()
      .describe(
        'Language of the previewed SQL. Default: sqlite where all SQL stores are SQLite, otherwise postgresql.',
      ),
    status: argvSetting().optional().describe('Prints which migrations are applied and which wait; changes nothing.'),
    transactional: z
      .boolean()
      .default(false)
      .describe(
        'Whether an `up` that fails leaves the data as it was. Then waits for locks are limited, and tried again: see `lock-timeout`.',
      ),
    'transactional-down': z
      .boolean()
      .optional()
      .describe(
        'Whether a `down` that fails leaves the data as it was, or at the revision that it tells. Then its waits for locks are limited too.',
      ),
    directory: z.string().min(1).default('.').describe('Working directory, relative to the project.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of the commands.'),
    files: filesSetting(),
    timeout: durationSetting('30m').describe('Limit of each command.'),
  })
  .transform(
    ({
      timeout,
      down,
      revision,
      preview,
      dialect,
      status,
      'transactional-down': isDownWhole,
      ...rest
    }): MigratorSettings => {
      return {
        ...rest,
        ...(isDownWhole === true ? { transactionalDown: true } : {}),
        down: down ?? null,
        revision: revision ?? null,
        preview: preview ?? null,
        dialect: dialect ?? null,
        status: status ?? null,
        timeoutSeconds: timeout,
      };
    },
  );
