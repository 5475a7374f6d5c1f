import { z } from 'zod';
import { DEFAULT_RETRY_SECONDS, type LockManners } from '../release/lock-manners.ts';
import { duration, positiveDuration } from './words.ts';

/** How a migration waits for locks. */
export const lockWords = {
  'lock-timeout': z
    .union([z.literal('none'), positiveDuration()])
    .optional()
    .describe(
      'Longest wait for a lock of PostgreSQL; everybody else waits behind it. Default: 200ms where an `up` or `down` that fails leaves the data as it was, none elsewhere.',
    )
    .meta({ examples: ['200ms'] }),
  'retry-for': duration()
    .prefault(`${DEFAULT_RETRY_SECONDS}s`)
    .describe(
      'How long `up` and `down` are tried again when a lock was not given; only where a try that failed leaves the data as it was. Without it `down` has 15 minutes: the service is refused meanwhile.',
    ),
  'statement-timeout': positiveDuration()
    .optional()
    .describe('Longest run of one statement of `up` and `down` on PostgreSQL. Default: what the server says.')
    .meta({ examples: ['15s'] }),
};

interface ReadLockWords {
  'lock-timeout'?: number | 'none' | undefined;
  'retry-for': number;
  'statement-timeout'?: number | undefined;
}

export function lockMannersOf(words: ReadLockWords): LockManners {
  const limit = words['lock-timeout'];
  const statement = words['statement-timeout'];
  return {
    lockTimeoutMs: limit === undefined ? 'safe' : limit === 'none' ? 'none' : Math.ceil(limit * 1000),
    retrySeconds: words['retry-for'],
    statementTimeoutMs: statement === undefined ? null : Math.ceil(statement * 1000),
  };
}
