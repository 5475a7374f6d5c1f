import { z } from 'zod';
import { argvSetting, durationSetting } from '../../../../platform/settings.ts';

/** Copies of the whole server instead of dumps of one database. */
export interface PhysicalSettings {
  /** Null: not restored in place. */
  directory: string | null;
  stop: string[] | null;
  start: string[] | null;
  env: Record<string, string>;
  /** Folder of the program `postgres`; null: looked for. */
  programs: string | null;
  timeoutSeconds: number;
}

export const physicalSettings = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Data directory of the server as seen from here, such as /var/lib/postgresql/15/main; needed for a restore in place.',
      ),
    stop: argvSetting().optional().describe('Ends the server and waits for it; needed for a restore in place.'),
    start: argvSetting().optional().describe('Starts the server; needed for a restore in place.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of both commands.'),
    programs: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder with the program `postgres` of the same major version as the server, which starts each copy to prove it; default: /usr/lib/postgresql/<major>/bin, or PATH.',
      ),
    timeout: durationSetting('30m').describe('Limit of the recovery of a copy, and of each command.'),
  })
  .refine(
    ({ directory, stop, start }) => new Set([directory, stop, start].map((value) => value === undefined)).size === 1,
    {
      path: ['directory'],
      message:
        'directory, stop and start belong together\nWrite all three, or none: then copies are restored into folders only.',
    },
  )
  .transform(({ timeout, directory, stop, start, programs, env }): PhysicalSettings => ({
    directory: directory ?? null,
    stop: stop ?? null,
    start: start ?? null,
    programs: programs ?? null,
    env,
    timeoutSeconds: timeout,
  }))
  .describe('Copies the files of the whole server, all its databases and roles, instead of dumping one database.');
