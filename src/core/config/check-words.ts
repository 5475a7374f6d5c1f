import { z } from 'zod';
import { argv, path, positiveDuration, text } from './words.ts';

/** Keys that make a check one of kind `http`: the method, with the address as the value. */
export const HTTP_VERBS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const;
export type HttpVerb = (typeof HTTP_VERBS)[number];

/** More would hide a check that never passes. */
const TRIES_MAX = 1000;

/** What every check may say besides what it measures. */
export const commonCheckWords = {
  tries: z
    .int()
    .min(1)
    .max(TRIES_MAX)
    .default(1)
    .describe('How often it is tried until it passes.')
    .meta({ examples: [3] }),
  every: positiveDuration()
    .prefault('1s')
    .describe('Pause between two tries.')
    .meta({ examples: ['5s'] }),
  timeout: positiveDuration()
    .optional()
    .describe('Limit of one try. Default: 10s for a request, 5m for a command, 30s otherwise.')
    .meta({ examples: ['10m'] }),
};

const url = () => text().optional();
const texts = () => z.record(z.string(), z.string());

/** `{ get: URL, expect: … }`. Values that only the check can judge are left to its own schema. */
export const httpCheckWords = z
  .strictObject({
    get: url()
      .describe('Address that is asked with GET.')
      .meta({ examples: ['http://127.0.0.1:8080/health'] }),
    post: url().describe('Address that is asked with POST.'),
    put: url().describe('Address that is asked with PUT.'),
    patch: url().describe('Address that is asked with PATCH.'),
    head: url().describe('Address that is asked with HEAD.'),
    options: url().describe('Address that is asked with OPTIONS.'),
    delete: url().describe('Address that is asked with DELETE.'),
    headers: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .describe('Headers that are sent; variables, also secret ones, are allowed.')
      .meta({ examples: [{ authorization: 'Bearer $API_TOKEN' }] }),
    body: z.json().optional().describe('A text, or a value that is sent as JSON.'),
    expect: z
      .strictObject({
        status: z
          .json()
          .optional()
          .describe('Status of the answer: a code, a class like 2xx, or a list of them. Default: 2xx.')
          .meta({ examples: [200] }),
        json: z
          .json()
          .optional()
          .describe('Values in the JSON answer, by path.')
          .meta({ examples: [{ version: '$VERSION' }] }),
        header: z
          .json()
          .optional()
          .describe('Headers of the answer.')
          .meta({ examples: [{ 'content-type': 'application/json' }] }),
        'body-contains': z.json().optional().describe('Text in the answer.'),
      })
      .optional()
      .describe('What the answer must be.'),
    within: positiveDuration()
      .optional()
      .describe('The answer must be complete after this time.')
      .meta({ examples: ['500ms'] }),
    ...commonCheckWords,
  })
  .describe('An HTTP request and what its answer must be.');

/** `{ run: [program, argument], expect: … }`. */
export const commandCheckWords = z
  .strictObject({
    run: argv()
      .describe('Program and arguments; it passes when it ends with the expected exit code.')
      .meta({ examples: [['npm', 'test']] }),
    directory: path().optional().describe('Working directory, relative to the project.'),
    env: texts()
      .optional()
      .describe('Variables of the program; the place for secrets.')
      .meta({ examples: [{ API_TOKEN: '$API_TOKEN' }] }),
    expect: z
      .strictObject({
        exit: z
          .json()
          .optional()
          .describe('Exit code. Default: 0.')
          .meta({ examples: [0] }),
        output: z.json().optional().describe('A regular expression that the output must contain.'),
      })
      .optional()
      .describe('What the program must do.'),
    ...commonCheckWords,
  })
  .describe('A command and how it must end.');

export type HttpCheckWords = z.output<typeof httpCheckWords>;
export type CommandCheckWords = z.output<typeof commandCheckWords>;

/** As written in the file. */
export type WrittenCheck =
  z.input<typeof httpCheckWords> | z.input<typeof commandCheckWords> | { [kind: string]: unknown };
export type WrittenNamedCheck = { [name: string]: WrittenCheck };
