import { z } from 'zod';

const VARIABLE = /^\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)$/;

/** A secret has no place in a file that others read, so that only the name of a variable is taken. */
const secret = () =>
  z
    .string()
    .regex(VARIABLE, 'is not the name of a variable\nPut the value into a variable, and write $NAME here.')
    .max(200);

export const s3Settings = z.strictObject({
  bucket: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/, 'is not the name of a bucket\nWrite 3 to 63 letters, digits, . and -.')
    .describe('The bucket; it must be there.'),
  endpoint: z
    .string()
    .regex(
      /^https?:\/\/[^/?#@\s]+\/?$/,
      'is not an address\nWrite scheme and host alone, e.g. https://s3.eu-central-1.amazonaws.com.',
    )
    .optional()
    .describe('Address of the server, without a path. Default: the one of Amazon for the region.')
    .meta({ examples: ['https://s3.eu-central-1.example'] }),
  region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,40}$/, 'is not a region\nWrite it as your provider does, e.g. eu-central-1.')
    .default('us-east-1')
    .describe('Region that requests are signed for; servers of your own mostly have us-east-1.'),
  prefix: z
    .string()
    .regex(
      /^[A-Za-z0-9!_.*'()-]+(\/[A-Za-z0-9!_.*'()-]+)*\/?$/,
      'is not a prefix\nWrite names of letters, digits, _ . and -, with / between them.',
    )
    .max(500)
    .refine((text) => !text.split('/').some((name) => name === '.' || name === '..'), 'holds . or ..\nWrite names.')
    .optional()
    .describe('Put before the name of every object, as a folder.'),
  'access-key': secret().describe('`$VARIABLE` that holds the id of the key.'),
  'secret-key': secret().describe('`$VARIABLE` that holds the secret key.'),
  'session-token': secret().optional().describe('`$VARIABLE` that holds the token of credentials that expire.'),
});

export type S3Settings = z.output<typeof s3Settings>;
