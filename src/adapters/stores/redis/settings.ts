import { z } from 'zod';
import { argvSetting, durationSetting } from '../../../platform/settings.ts';

/** `store`: data that exists nowhere else. `queue`: work that is still to be done. `cache`: can be computed again. */
export type RedisRole = 'store' | 'queue' | 'cache';

export interface RedisSettings {
  url: string;
  role: RedisRole;
  /** Whether the data is copied; a cache that is not copied is emptied by a restore. */
  isCopied: boolean;
  /** Null: copied over the replication protocol, and not restored in place. */
  directory: string | null;
  stop: string[] | null;
  start: string[] | null;
  env: Record<string, string>;
  /** The program that loads a copy to prove it. */
  server: string;
  timeoutSeconds: number;
}

export const redisSettings = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe('redis://, rediss:// or unix:///path/to/socket; write the password as a $VARIABLE, as in $REDIS_URL.'),
    role: z
      .enum(['store', 'queue', 'cache'])
      .default('store')
      .describe(
        'A cache is not backed up, and emptied by a restore; a restored queue does work again that was done since.',
      ),
    backup: z.boolean().optional().describe('true backs a cache up too.'),
    directory: z
      .string()
      .min(1)
      .optional()
      .describe('Where the server keeps dump.rdb and appendonlydir, as seen from here; needed for a restore in place.'),
    stop: argvSetting().optional().describe('Ends the server and waits for it; needed for a restore in place.'),
    start: argvSetting().optional().describe('Starts the server; needed for a restore in place.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of both commands.'),
    server: z
      .string()
      .min(1)
      .default('redis-server')
      .describe('Program (version 7 or newer) that loads each copy to prove it, on a socket of its own.'),
    timeout: durationSetting('10m').describe('Limit of a save, of loading a copy, and of each command.'),
  })
  .refine(({ role, backup }) => backup !== false || role === 'cache', {
    path: ['backup'],
    message: 'only a cache can do without\nLeave the store out of the release file if it shall not be backed up.',
  })
  .refine(({ stop, start }) => (stop === undefined) === (start === undefined), {
    path: ['stop'],
    message: 'stop and start belong together\nWrite both, or neither.',
  })
  .transform(({ backup, timeout, directory, stop, start, ...rest }): RedisSettings => ({
    ...rest,
    isCopied: rest.role !== 'cache' || backup === true,
    directory: directory ?? null,
    stop: stop ?? null,
    start: start ?? null,
    timeoutSeconds: timeout,
  }))
  .describe('A Redis server, saved while it is in use; all its databases.');
