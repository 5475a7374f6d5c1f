import { z } from 'zod';
import { argvSetting, durationSetting } from '../../../platform/settings.ts';

/** How the process that holds the file is asked for a copy. */
export type OwnerHook = { argv: string[] } | { post: string; headers: Record<string, string> };

export interface DuckdbSettings {
  path: string;
  /** Null: we copy the file ourselves while nobody holds it. */
  copyWith: OwnerHook | null;
  /** Null: nothing has to be stopped before the file is free. */
  pause: { stop: string[]; start: string[] } | null;
  directory: string;
  env: Record<string, string>;
  timeoutSeconds: number;
}

const address = z
  .string()
  .refine((text) => /^(https?:\/\/|\$)/.test(text), { error: 'has no scheme\nWrite http:// or https:// before it.' });

const hook = z.union([
  argvSetting().transform((argv): OwnerHook => ({ argv })),
  z.strictObject({
    post: address.describe(
      'Is sent {"out", "outName", "database"} as JSON, and answers 2xx when the copy is complete.',
    ),
    headers: z.record(z.string(), z.string()).default({}).describe('Headers of the request; may hold $VARIABLES.'),
  }),
]);

/** `duckdb`: one database file, of which one process at a time is the owner. */
export const duckdbSettings = z
  .strictObject({
    path: z.string().min(1).describe('Database file, relative to the project; may hold $VARIABLES.'),
    'copy-with': hook
      .optional()
      .describe(
        'Lets the service copy while it runs: a command, or { post: address }, that makes it run ' +
          'ATTACH, COPY FROM DATABASE and DETACH into the new file $OUT.',
      ),
    stop: argvSetting()
      .optional()
      .describe('Stops the service when it holds the file; does nothing when it is stopped.'),
    start: argvSetting().optional().describe('Starts it again after the copy, also when the copy failed.'),
    pause: z
      .literal('none')
      .optional()
      .describe('Nothing is stopped: the file is copied when nobody holds it. The default without copy-with and stop.'),
    directory: z.string().min(1).default('.').describe('Working directory of the commands, relative to the project.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of the commands.'),
    timeout: durationSetting('10m').describe('Limit of each command, and of the request.'),
  })
  .superRefine((settings, context) => {
    const complain = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message, input: settings });
    if (settings.stop && !settings.start)
      complain('start', 'is missing\nWrite how the stopped service is started again.');
    if (settings.start && !settings.stop)
      complain('stop', 'is missing\nWrite how the service is stopped before the copy.');
    const ways = [settings['copy-with'], settings.stop, settings.pause].filter((way) => way !== undefined);
    if (ways.length > 1)
      complain('path', 'is copied in more than one way\nKeep one of copy-with, stop and start, and pause.');
  })
  .transform(({ 'copy-with': copyWith, stop, start, path, directory, env, timeout }): DuckdbSettings => {
    const pause = stop && start ? { stop, start } : null;
    return { path, copyWith: copyWith ?? null, pause, directory, env, timeoutSeconds: timeout };
  })
  .describe('A DuckDB database in one file, copied by its owner or while nobody holds it.');
