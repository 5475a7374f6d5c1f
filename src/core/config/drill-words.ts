import { z } from 'zod';
import type { BackupsConfig } from './service-config.ts';
import { every } from './words.ts';

/** `backups.drill`, as written. */
export function drillWords() {
  return z
    .union([
      every(),
      z.strictObject({
        every: every().describe('How often.'),
        level: z
          .union([z.literal(3), z.literal(4)])
          .default(3)
          .describe('3: restored and compared. 4: the version of then is started on it, too (`scratch`).'),
      }),
    ])
    .describe(
      'How often a backup is to be restored to a scratch place; when that is late, status, doctor and plan say so.',
    )
    .meta({ examples: ['every 7 days', { every: 'every 7 days', level: 4 }] });
}

/** Level 3 is what every file asked for before there was another, and is left out so that its fingerprint stays. */
export function drillOf(
  read: z.output<ReturnType<typeof drillWords>> | undefined,
): Pick<BackupsConfig, 'drillSeconds' | 'drillLevel'> {
  if (read === undefined) return { drillSeconds: null };
  if (typeof read === 'number') return { drillSeconds: read };
  return { drillSeconds: read.every, ...(read.level === 4 ? { drillLevel: 4 } : {}) };
}
