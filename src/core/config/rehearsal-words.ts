import { z } from 'zod';
import type { Kinds } from './kinds.ts';
import { namedCheck } from './named-check.ts';
import type { RehearsalConfig } from './service-config.ts';
import { positiveDuration } from './words.ts';
import { statementsOf, statementsWords } from './statement-words.ts';

/** The environment whose releases ask for a rehearsal unless the file says otherwise. */
const GUARDED = 'production';

/** Most migrations take seconds; one that hangs must end while somebody still looks. */
const LIMIT = '10m';

const SCRATCH = /\$(?:\{SCRATCH_(?:URL|DATABASE|PATH)\}|SCRATCH_(?:URL|DATABASE|PATH)\b)/;

/** `rehearsal:` of an environment, as written. */
export function rehearsalWords(kinds: Kinds) {
  return z.strictObject({
    env: z
      .record(z.string(), z.string())
      .refine(
        (env) => Object.values(env).some((text) => SCRATCH.test(text)),
        'leads nowhere but to the live data\nWrite what your migration reads, e.g. DATABASE_URL: $SCRATCH_URL (PostgreSQL) or DATABASE_PATH: $SCRATCH_PATH (SQLite).',
      )
      .describe(
        'Variables that lead the migration and the checks to the copy, in place of what they are in a release: `$SCRATCH_URL` and `$SCRATCH_DATABASE` (PostgreSQL), `$SCRATCH_PATH` (SQLite).',
      )
      .meta({ examples: [{ DATABASE_URL: '$SCRATCH_URL' }] }),
    store: z
      .string()
      .optional()
      .describe('The store that the migration changes. Default: the only one that can be rehearsed.')
      .meta({ examples: ['database'] }),
    checks: z
      .array(namedCheck(kinds.checks))
      .default([])
      .describe('Asked of the migrated copy; they should only read.'),
    limit: positiveDuration()
      .prefault(LIMIT)
      .describe('Limit of each way, up or down; a migration that hangs is ended then.'),
    'stall-limit': positiveDuration()
      .optional()
      .describe('A query of somebody else that waits longer fails the rehearsal. Default: it is only told.')
      .meta({ examples: ['250ms'] }),
    'ignore-tables': z
      .array(z.string().min(1))
      .default([])
      .describe('Tables in which the migration tool keeps its own record; they are not compared.')
      .meta({ examples: [['schema_history']] }),
    statements: statementsWords().optional().describe('What the versions before and after ask of the data.'),
    required: z
      .boolean()
      .optional()
      .describe(
        `Whether a release with a migration is refused unless its rehearsal passed. Default: yes in an environment named ${GUARDED}.`,
      ),
    'valid for': positiveDuration()
      .optional()
      .describe('How long a rehearsal counts. Default: as long as version, migration and revision are the same.')
      .meta({ examples: ['7d'] }),
  });
}

/** With every default filled in; null where the file has none. */
export function rehearsalOf(
  environment: string,
  read: z.output<ReturnType<typeof rehearsalWords>> | undefined,
): RehearsalConfig | null {
  if (read === undefined) return null;
  return {
    env: read.env,
    store: read.store ?? null,
    checks: read.checks,
    limitSeconds: read.limit,
    stallSecondsMax: read['stall-limit'] ?? null,
    ignoreTables: read['ignore-tables'],
    required: read.required ?? environment === GUARDED,
    validSeconds: read['valid for'] ?? null,
    ...(read.statements === undefined ? {} : { statements: statementsOf(read.statements) }),
  };
}
