import { z } from 'zod';
import { durationSetting } from '../../../platform/settings.ts';

export interface QdrantSettings {
  url: string;
  /** A `$VARIABLE`; null: the server asks for none. */
  apiKey: string | null;
  /** As they are called now, or by alias; null: all of the server. */
  collections: string[] | null;
  /** Where copies are restored to be proven; null: beside the live collections, on the same server. */
  scratch: { url: string; apiKey: string | null } | null;
  timeoutSeconds: number;
}

const address = z.string().regex(/^(https?:\/\/|\$)/, {
  error: 'has no scheme\nWrite http:// or https:// before it, such as http://localhost:6333.',
});

const apiKey = z.string().regex(/^\$([A-Za-z_]\w*|\{[A-Za-z_]\w*\})$/, {
  error: 'is not the name of a variable\nWrite $QDRANT_API_KEY here, and its value into the env file.',
});

export const qdrantSettings = z
  .strictObject({
    url: address.describe('Of the REST interface, such as http://localhost:6333; may hold $VARIABLES.'),
    'api-key': apiKey
      .optional()
      .describe('Variable that holds the key, such as $QDRANT_API_KEY; never the key itself.'),
    collections: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Collections or aliases to back up. Default: all of the server.'),
    scratch: z
      .strictObject({ url: address, 'api-key': apiKey.optional() })
      .optional()
      .describe(
        'Another server of the same version, to which copies are restored to be proven. Default: the same server, under names of their own.',
      ),
    timeout: durationSetting('1h').describe('Limit of each request: a snapshot, a download, a recovery.'),
  })
  .transform(({ url, 'api-key': key, collections, scratch, timeout }): QdrantSettings => ({
    url,
    apiKey: key ?? null,
    collections: collections ?? null,
    scratch: scratch === undefined ? null : { url: scratch.url, apiKey: scratch['api-key'] ?? null },
    timeoutSeconds: timeout,
  }))
  .describe('Collections of a Qdrant server, by its snapshots, while the service writes.');
