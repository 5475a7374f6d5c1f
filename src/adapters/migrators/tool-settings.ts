import { z } from 'zod';
import { durationSetting } from '../../platform/settings.ts';

/** What the way down needs; left out when the release file does not say it, so that its fingerprint stays what it was. */
export function filesSetting() {
  return z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'Files and folders that `down` needs, relative to `directory`. Every backup keeps them, so that a rollback does not depend on which files lie in the project then.',
    );
}

/** The words of every migration tool that runs in the project; `env` says who reads the variables. */
export function toolSettings(env: string) {
  return {
    directory: z
      .string()
      .min(1)
      .default('.')
      .describe('Working directory, relative to the project; with `$VERSION` in it, the files of that version.'),
    env: z.record(z.string(), z.string()).default({}).describe(env),
    files: filesSetting(),
    timeout: durationSetting('30m').describe('Limit of each call.'),
  };
}
