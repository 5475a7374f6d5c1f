import { z } from 'zod';

export interface SqliteSettings {
  path: string;
}

export const sqliteSettings = z
  .strictObject({
    path: z.string().min(1).describe('Database file, relative to the project; may hold $VARIABLES.'),
  })
  .describe('A SQLite database in one file, copied while it is in use.');
