import { z } from 'zod';
import { argvSetting, byteSizeSetting, durationSetting } from '../../../platform/settings.ts';

/** What proves that the backup command wrote to its end; an exit code of a pipe does not. */
export type EndMarker = { file: string } & ({ text: string } | { matches: string });

/** How restored data gets into use: a folder is renamed, or a command of the team does it. */
export type Exchange =
  | { by: 'path'; path: string }
  | { by: 'commands'; swap: string[]; swapBack: string[]; discard: string[] }
  | { by: 'nothing' };

export interface CommandStoreSettings {
  backup: string[];
  restore: string[];
  check: string[];
  fingerprint: string[] | null;
  size: string[] | null;
  endsWith: EndMarker | null;
  atLeastBytes: number;
  exchange: Exchange;
  directory: string;
  env: Record<string, string>;
  timeoutSeconds: number;
}

const endMarker = z
  .strictObject({
    file: z.string().min(1).describe('Name in $BACKUP_DIR.'),
    text: z.string().min(1).optional().describe('Text that one of its last five lines is.'),
    matches: z.string().min(1).refine(isPattern, { message: 'is not a regular expression' }).optional(),
  })
  .refine(({ text, matches }) => (text === undefined) !== (matches === undefined), {
    path: ['text'],
    message: 'needs text or matches\nWrite one of them.',
  });

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u').source !== '';
  } catch {
    return false;
  }
}

export const commandStoreSettings = z
  .strictObject({
    backup: argvSetting().describe(
      'Writes a consistent copy into the empty folder $BACKUP_DIR while the service writes.',
    ),
    restore: argvSetting().describe(
      'Writes the data of $BACKUP_DIR to a new place: into the empty folder $INTO, or under the name $TAG.',
    ),
    check: argvSetting().describe(
      'Ends with 0 only if the data restored to $INTO (or $TAG) is complete; changes nothing.',
    ),
    fingerprint: argvSetting()
      .optional()
      .describe('Prints, as its last line, a digest of the content of $INTO (or $TAG), equal for equal data.'),
    size: argvSetting()
      .optional()
      .describe('Prints the bytes of the live data as its last line. Default: the size of `path`.'),
    'ends-with': endMarker.optional().describe('What the last lines of a file of the copy must show.'),
    'at-least': byteSizeSetting('1B').describe('A smaller copy is refused.'),
    path: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the live data, relative to the project. A restore renames $INTO to it and keeps the replaced one.',
      ),
    swap: argvSetting()
      .optional()
      .describe(
        'Without `path`: puts what was restored as $TAG in use and keeps the replaced data; harmless when run twice.',
      ),
    'swap-back': argvSetting()
      .optional()
      .describe('Undoes `swap`, also one that was cut short; harmless when run twice.'),
    discard: argvSetting()
      .optional()
      .describe('Deletes what is kept or left of $TAG and not in use; harmless when run twice.'),
    directory: z.string().min(1).default('.').describe('Working directory, relative to the project.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of the commands.'),
    timeout: durationSetting('1h').describe('Limit of each command.'),
  })
  .superRefine((written, context) => {
    const named = [written.swap, written['swap-back'], written.discard].filter((command) => command !== undefined);
    if (named.length > 0 && (named.length < 3 || written.path !== undefined)) {
      context.addIssue({
        code: 'custom',
        path: [written.path === undefined ? 'swap' : 'path'],
        message: 'belongs to another way of restoring\nWrite either path, or swap, swap-back and discard together.',
      });
    }
  })
  .transform(({ path, swap, discard, timeout, size, fingerprint, ...rest }): CommandStoreSettings => ({
    backup: rest.backup,
    restore: rest.restore,
    check: rest.check,
    directory: rest.directory,
    env: rest.env,
    fingerprint: fingerprint ?? null,
    size: size ?? null,
    endsWith: (rest['ends-with'] ?? null) as EndMarker | null,
    atLeastBytes: rest['at-least'],
    exchange: exchangeOf(path, swap, rest['swap-back'], discard),
    timeoutSeconds: timeout,
  }))
  .describe("Any data, by the team's own commands.");

function exchangeOf(path?: string, swap?: string[], swapBack?: string[], discard?: string[]): Exchange {
  if (path !== undefined) return { by: 'path', path };
  if (swap === undefined || swapBack === undefined || discard === undefined) return { by: 'nothing' };
  return { by: 'commands', swap, swapBack, discard };
}
