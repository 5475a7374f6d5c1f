import type { RedisAddress } from './redis-address.ts';
import type { RedisSettings } from './settings.ts';

/** A server as the release file names it, its variables resolved. */
export interface LocatedServer {
  settings: RedisSettings;
  address: RedisAddress;
  directory: string | null;
}
