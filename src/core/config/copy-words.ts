import { z } from 'zod';
import { choice } from './choice.ts';
import type { Kinds } from './kinds.ts';
import type { CopyPlace } from './service-config.ts';
import { name, positiveDuration } from './words.ts';

/** More is a slip: each of them is sent everything. */
const PLACES_MAX = 10;

/** `backups.copies`. */
export function copyWords(kinds: Kinds) {
  const place = choice({
    what: 'place for copies',
    kinds: kinds.places,
    common: {
      name: name()
        .optional()
        .describe('What it is called in `--to`, `--from` and `--at`. Default: its kind.')
        .meta({ examples: ['offsite'] }),
      required: z
        .boolean()
        .default(false)
        .describe(
          'Whether a release stops, before anything is changed, when its backup cannot be copied there. Otherwise it warns and goes on.',
        ),
      unencrypted: z
        .boolean()
        .default(false)
        .describe('Whether backups that are not encrypted may go there: whoever can read the place can read the data.'),
      limit: positiveDuration()
        .prefault('1h')
        .describe('Limit of copying one backup there; what was sent by then stays, and the next try goes on from it.'),
    },
  });
  return z
    .array(place)
    .min(1, 'is empty\nName a place, or leave out copies.')
    .max(PLACES_MAX)
    .describe(
      'Second places: backups of releases, and those by hand, are copied to each of them; the others by `shipway backup copy`.',
    )
    .meta({
      examples: [[{ directory: '/mnt/backups' }]],
    });
}

/** The name that a place has without one of its own is its kind. */
export function copiesOf(written: z.output<ReturnType<typeof copyWords>> | undefined): CopyPlace[] {
  return (written ?? []).map(({ kind, settings, common }) => ({
    name: common.name ?? kind,
    kind,
    settings,
    required: common.required,
    unencrypted: common.unencrypted,
    limitSeconds: common.limit,
  }));
}
