import { z } from 'zod';
import { isTimeZone } from '../backup/calendar-period.ts';
import type { RetentionPolicy } from '../backup/retention.ts';
import { suggest } from './suggest.ts';
import { duration } from './words.ts';

/** More is a slip: a thousand daily backups are three years. */
const PLACES_MAX = 1000;

const places = (count: number, meaning: string) => z.int().min(0).max(PLACES_MAX).default(count).describe(meaning);

const timeZone = () =>
  z.string().superRefine((name, context) => {
    if (isTimeZone(name)) return;
    const near = suggest(name, Intl.supportedValuesOf('timeZone'));
    const fix = near === null ? 'Write a name like Europe/Berlin, or UTC.' : `Did you mean "${near}"?`;
    context.addIssue({ code: 'custom', message: `is not a known time zone\n${fix}`, input: name });
  });

/** `backups.keep`: a backup stays while one of these keeps it. The defaults are the week that teams ask for, and a thin tail behind it. */
export function keepWords() {
  return z.strictObject({
    for: duration()
      .prefault('7 days')
      .describe('Every backup younger than this.')
      .meta({ examples: ['7 days'] }),
    last: places(3, 'The newest so many verified ones.'),
    daily: places(7, 'The newest verified one of each day, for so many days that have one.'),
    weekly: places(4, 'The same by week (Monday to Sunday).'),
    monthly: places(6, 'The same by month.'),
    yearly: places(0, 'The same by year.'),
    versions: z
      .union([z.literal('all'), z.int().min(1).max(PLACES_MAX)])
      .default('all')
      .describe(
        'The backup taken before a version, for so many of the newest versions that a rollback may lead to. The one before the live version always stays.',
      )
      .meta({ examples: [5] }),
    'time-zone': timeZone()
      .default('UTC')
      .describe('Where days, weeks, months and years begin.')
      .meta({ examples: ['Europe/Berlin'] }),
  });
}

/** The policy as written, or the one of a file that says nothing. */
export function keepOf(written: z.output<ReturnType<typeof keepWords>> | undefined): RetentionPolicy {
  const { for: forSeconds, versions, 'time-zone': zone, ...counts } = written ?? keepWords().parse({});
  return { ...counts, forSeconds, versions: versions === 'all' ? null : versions, timeZone: zone };
}
