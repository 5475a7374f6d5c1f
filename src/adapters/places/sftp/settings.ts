import { z } from 'zod';

const WORD = /^[^\s-][^\s]*$/;

export const sftpSettings = z.strictObject({
  host: z
    .string()
    .regex(
      /^[A-Za-z0-9[][A-Za-z0-9.:\]%_-]*$/,
      'is not the name of a host\nWrite a name, an address, or a Host of your ssh configuration.',
    )
    .max(255)
    .describe('The server: a name, an address, or a `Host` of your ssh configuration.'),
  port: z.int().min(1).max(65_535).optional().describe('Default: 22, or what your ssh configuration says.'),
  user: z
    .string()
    .regex(WORD, 'is not a user\nWrite the name alone.')
    .max(100)
    .optional()
    .describe('Default: what your ssh configuration says, or the user that runs shipway.')
    .meta({ examples: ['shop'] }),
  directory: z
    .string()
    .min(1, 'is empty\nWrite the folder on the server, e.g. /srv/backups.')
    .max(1024)
    .describe('Folder on the server; it must be there. Without a slash at the front it is below the home of the user.'),
  'identity-file': z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('File with the private key, without a passphrase. Default: what ssh itself finds, or the agent.')
    .meta({ examples: ['~/.ssh/backup'] }),
  'known-hosts': z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('File with the key of the server, as `ssh-keyscan` prints it. Default: the known_hosts of the user.')
    .meta({ examples: ['deploy/known_hosts'] }),
});

export type SftpSettings = z.output<typeof sftpSettings>;
