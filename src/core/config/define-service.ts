import type { ReleaseFile } from './file-schema.ts';

/** Gives `shipway.config.ts` the types of the release file; it changes nothing. */
export function defineService(config: ReleaseFile): ReleaseFile {
  return config;
}
