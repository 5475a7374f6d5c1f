import { z } from 'zod';
import { durationSetting } from '../../platform/settings.ts';

/** The words of every migration tool that runs in the project; `env` says who reads the variables. */
export function toolSettings(env: string) {
  return {
    directory: z
      .string()
      .min(1)
      .default('.')
      .describe('Working directory, relative to the project; with `$VERSION` in it, the files of that version.'),
    env: z.record(z.string(), z.string()).default({}).describe(env),
    timeout: durationSetting('30m').describe('Limit of each call.'),
  };
}
