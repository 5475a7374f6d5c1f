import { z } from 'zod';
import type { Kinds } from './kinds.ts';
import { namedCheck } from './named-check.ts';
import type { ScratchConfig } from './service-config.ts';
import { argv, path, positiveDuration } from './words.ts';

/** `scratch:` of an environment, as written. */
export function scratchWords(kinds: Kinds) {
  return z.strictObject({
    env: z
      .record(z.string(), z.string())
      .describe(
        'Variables of the components in place of what they are in a release. `$SCRATCH_NAME_URL` and `$SCRATCH_NAME_DATABASE` (PostgreSQL), `$SCRATCH_NAME_URL` (Redis) or `$SCRATCH_NAME_PATH` is the copy of the store NAME, in capitals and with `_` for `-`.',
      )
      .meta({ examples: [{ DATABASE_URL: '$SCRATCH_DATABASE_URL' }] }),
    components: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('Which components of a process target are started. Default: all.')
      .meta({ examples: [['api']] }),
    start: z
      .strictObject({
        command: argv().describe('Program and arguments; it listens on `$PORT`. `$VERSION` and `$HOST` are known.'),
        directory: path().default('.').describe('Working directory, relative to the project.'),
        'start-within': positiveDuration().prefault('30s').describe('Limit from start to the first connection.'),
      })
      .optional()
      .describe('What is started where the target is no process target: the version as one program on this machine.')
      .meta({ examples: [{ command: ['node', 'server.mjs'], directory: 'releases/$VERSION' }] }),
    without: z
      .array(z.string())
      .default([])
      .describe('Stores that the version does without on a copy: they are not restored for it.')
      .meta({ examples: [['cache']] }),
    checks: z
      .array(namedCheck(kinds.checks))
      .optional()
      .describe(
        'Asked of the version on the copy; `$BASE`, `$HOST` and `$PORT` are where it listens. Default: the HTTP checks of `verify`, sent there.',
      ),
  });
}

/** With every default filled in. */
export function scratchOf(read: z.output<ReturnType<typeof scratchWords>>): ScratchConfig {
  const { env, components, start, without, checks } = read;
  return {
    env,
    components: components ?? null,
    start:
      start === undefined
        ? null
        : { command: start.command, directory: start.directory, startWithinSeconds: start['start-within'] },
    without,
    checks: checks ?? null,
  };
}
