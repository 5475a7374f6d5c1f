import { z } from 'zod';
import type { StatementsConfig } from './service-config.ts';
import { path, positiveDuration } from './words.ts';

/** Ten tries a second find a stall of a tenth of a second and cost a database next to nothing. */
const EVERY = '100ms';

const STATEMENTS_MAX = 200;

/** `rehearsal.statements`, as written. */
export function statementsWords() {
  const written = () => z.union([path(), z.array(z.string().trim().min(1)).min(1).max(STATEMENTS_MAX)]);
  return z.strictObject({
    old: written()
      .optional()
      .describe(
        'Statements of the version that runs: a file of SQL (`$PREVIOUS_VERSION` and `$VERSION` are known), or a list. Each is tried before, while and after the migration runs, and taken back.',
      )
      .meta({ examples: [['SELECT id, email FROM users WHERE id = 1']] }),
    new: written()
      .optional()
      .describe('Statements of the new version, run for good before down: what down loses of what they wrote is told.')
      .meta({ examples: ['releases/$VERSION/statements.sql'] }),
    every: positiveDuration().prefault(EVERY).describe('Pause between two tries of one while the migration runs.'),
    counted: z
      .enum(['fail', 'warn', 'ignore'])
      .default('fail')
      .describe(
        'What it means when a statement that the live server has counted (pg_stat_statements) fails afterwards.',
      ),
  });
}

export function statementsOf(read: z.output<ReturnType<typeof statementsWords>>): StatementsConfig {
  return { old: read.old ?? null, new: read.new ?? null, everySeconds: read.every, counted: read.counted };
}
