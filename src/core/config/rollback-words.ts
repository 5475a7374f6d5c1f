import { z } from 'zod';

/** `rollback:` of an environment, as written. */
export function rollbackWords() {
  return z.strictObject({
    prestage: z
      .boolean()
      .default(false)
      .describe(
        'Whether the pre-release backup is restored beside the live data, where it waits until the release is over: then `shipway rollback --data restore` is one swap. Costs the room of one more copy, and is left out, with a warning, where not twice as much is free.',
      ),
  });
}
