import { z } from 'zod';
import { staysInside } from './tree-entries.ts';

export interface FilesSettings {
  /** Relative to the project. */
  paths: string[];
  exclude: string[];
}

const projectPath = z
  .string()
  .refine((path) => path !== '.' && staysInside(path), {
    message: 'must be relative to the project, without "..", "." or a "/" at the end',
  })
  .describe('File or folder, relative to the project.');

export const filesSettings = z
  .strictObject({
    paths: z
      .array(projectPath)
      .min(1)
      .refine(
        (paths) =>
          !paths.some((path, at) => paths.some((other, to) => at !== to && `${path}/`.startsWith(`${other}/`))),
        {
          message: 'one of the paths is inside another',
        },
      ),
    exclude: z
      .array(z.string().min(1))
      .default([])
      .describe('Patterns of paths that are left out, such as "*.tmp" or "uploads/cache/**".'),
  })
  .describe('Files and folders of the project, copied into an archive with a checksum for each.');
