import { z } from 'zod';
import { argvSetting, durationSetting } from '../../../platform/settings.ts';

export interface CommandSettings {
  deploy: string[];
  observe: string[];
  /** Null: `deploy` again with the version before. */
  revert: string[] | null;
  directory: string;
  env: Record<string, string>;
  /** Limit of each command. */
  timeoutSeconds: number;
  repeatable: boolean;
}

/** `command`: deploying, looking and going back are the project's own commands. */
export const commandSettings = z
  .strictObject({
    deploy: argvSetting().describe('Brings $VERSION up; $PREVIOUS_VERSION and $RELEASE are known too.'),
    observe: argvSetting().describe('Prints the version that runs as its last line, or `none`; changes nothing.'),
    revert: argvSetting().optional().describe('Brings $PREVIOUS_VERSION back. Default: deploy with that version.'),
    directory: z.string().min(1).default('.').describe('Working directory, relative to the project.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of the commands.'),
    timeout: durationSetting('10m').describe('Limit of each command.'),
    repeatable: z
      .boolean()
      .default(true)
      .describe('Whether deploying again after an attempt that was cut short is harmless; if not, a person decides.'),
  })
  .transform(({ timeout, revert, ...rest }): CommandSettings => ({
    ...rest,
    revert: revert ?? null,
    timeoutSeconds: timeout,
  }));
