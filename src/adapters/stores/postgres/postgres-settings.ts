import { z } from 'zod';
import { durationSetting } from '../../../platform/settings.ts';
import { physicalSettings } from './physical/settings.ts';

// `-t` makes the program believe in a terminal: line ends are rewritten in the middle of binary data, and the exit code still is 0.
const asksForTerminal = (word: string): boolean => /^-(i?t|ti)$|^--tty(=true)?$/.test(word);

export const postgresSettings = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe(
        'Address of the server itself, not of a pooler: `$DATABASE_URL`, or postgresql://user:$PASSWORD@host:5432/database. A password stands in a variable.',
      ),
    through: z
      .array(z.string().min(1))
      .min(1)
      .refine((words) => !words.some(asksForTerminal), {
        message: 'asks for a terminal (-t), which damages binary data\nWrite [docker, exec, -i, <container>].',
      })
      .optional()
      .describe(
        'Program and arguments put before pg_dump and pg_restore, so that the tools beside the server are used; they connect to the local socket there.',
      ),
    scratch: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Address of another server on which backups are proven by a restore, and migrations rehearsed; default: beside the live database. It needs the same roles.',
      ),
    'exclude-tables': z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Tables whose rows are left out of backups; their definition is kept. `schema.table`, or `table` in schema public.',
      ),
    'lock-wait': durationSetting('30s').describe('How long a backup waits for a table that somebody else has locked.'),
    physical: physicalSettings.optional(),
  })
  .refine((settings) => settings.physical === undefined || settings['exclude-tables'].length === 0, {
    path: ['exclude-tables'],
    message: 'a physical copy leaves out no table\nRemove exclude-tables, or physical.',
  })
  .describe('A PostgreSQL database, copied consistently while the service writes, restored beside and swapped in.');

export type PostgresSettings = z.infer<typeof postgresSettings>;
