import { z } from 'zod';
import { argvSetting } from '../../../platform/settings.ts';

export interface CommandCheckSettings {
  argv: string[];
  directory: string;
  env: Record<string, string>;
  expectExit: number;
  /** A regular expression that the output (stdout, then stderr) must contain; null: any output will do. */
  expectOutput: string | null;
}

const pattern = z.string().refine(isPattern, 'is not a regular expression\nWrite a pattern such as "^ready$".');

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'mu') instanceof RegExp;
  } catch {
    return false;
  }
}

/** `command`: exit code and output of a program. `run` is the short word for `argv`. */
export const commandCheckSettings = z
  .strictObject({
    run: argvSetting().optional().describe('Program and arguments as a list.'),
    argv: argvSetting().optional().describe('The same as `run`.'),
    directory: z.string().min(1).default('.').describe('Working directory, relative to the project.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of the command.'),
    expectExit: z.int().min(0).max(255).default(0).describe('The exit code that means "passed".'),
    expectOutput: pattern.nullable().default(null).describe('A regular expression that the output must contain.'),
  })
  .transform(({ run, argv, ...rest }, context): CommandCheckSettings => {
    const command = argv ?? run;
    if (command !== undefined && (argv === undefined || run === undefined)) return { argv: command, ...rest };
    const message = 'needs exactly one command\nWrite run: [npm, test].';
    context.addIssue({ code: 'custom', message, input: { run, argv } });
    return z.NEVER;
  });
