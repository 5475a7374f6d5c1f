import { z } from 'zod';

/** The path alone: there is nothing else to say about a folder. */
export const directorySettings = z
  .string()
  .min(1, 'is empty\nWrite the path of a folder, for instance /mnt/backups.')
  .max(1024)
  .describe(
    'Path of a folder, for instance of a mounted disk; `$VARIABLES` are allowed. It must be there: shipway does not make it, because a disk that is not mounted has none.',
  );

export type DirectorySettings = z.output<typeof directorySettings>;
