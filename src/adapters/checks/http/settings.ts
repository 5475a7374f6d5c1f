import { z } from 'zod';
import type { Json } from '../../../core/release/json.ts';
import { durationSetting } from '../../../platform/settings.ts';
import { parseJsonPath } from './json-path.ts';

export interface HttpExpectation {
  /** Each entry is a code or a class such as `2xx`; one of them must hold. */
  status: (number | string)[];
  /** JSON path to expected value, or to `{ gt, gte, lt, lte, matches }`. */
  json: Record<string, Json>;
  /** Header name to exact value, or to `/pattern/`. */
  header: Record<string, string>;
  bodyContains: string | null;
}

export interface HttpCheckSettings {
  method: string;
  /** Whole, or a path that is joined to `$BASE` of the subject. */
  url: string;
  headers: Record<string, string>;
  body: string | null;
  expect: HttpExpectation;
  /** Limit of the latency; null: only the time limit of the check. */
  withinMs: number | null;
}

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const;

const address = z.string().refine((text) => /^(https?:\/\/|\/|\$)/.test(text), {
  error: (issue) =>
    `"${String(issue.input)}" has no scheme\nWrite http://${String(issue.input)}, or a path that begins with "/" for the service itself.`,
});

const statusError = { error: 'is not a status\nWrite a code such as 200, a class such as 2xx, or a list of them.' };
const statusCode = z.union([z.int().min(100).max(599), z.string().regex(/^[1-5]xx$/i)], statusError);

const jsonPath = z.string().refine((text) => parseJsonPath(text) !== null, {
  error: 'is not a JSON path\nWrite names and positions, e.g. data.items[0].id.',
});

const headerValue = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);
const headerExpectation = headerValue.refine((text) => !text.startsWith('/') || patternOf(text) !== null, {
  error: 'is not a regular expression\nWrite the exact value, or a pattern such as /json/.',
});

const expectation = z.strictObject({
  status: z
    .union([statusCode.transform((one) => [one]), z.array(statusCode).min(1)], statusError)
    .prefault('2xx')
    .describe('Code, class such as 2xx, or a list; default 2xx.'),
  json: z
    .record(jsonPath, z.json())
    .default({})
    .describe('JSON path: expected value, or { gt, gte, lt, lte, matches }.'),
  header: z.record(z.string(), headerExpectation).default({}).describe('Header name: exact value, or /pattern/.'),
  'body-contains': z.string().min(1).optional().describe('A text that the body must contain.'),
  bodyContains: z.string().min(1).nullish().describe('The same as `body-contains`.'),
});

const methods = Object.fromEntries(METHODS.map((name) => [name, address.optional()])) as Record<
  (typeof METHODS)[number],
  z.ZodOptional<typeof address>
>;

/** `http`: `{ get: /health, expect: … }`. The address stands behind its method; `method` and `url` may be written instead. */
export const httpCheckSettings = z
  .strictObject({
    ...methods,
    get: address
      .optional()
      .describe('Address, or a path of the service itself; likewise head, post, put, patch, delete, options.'),
    method: z
      .string()
      .regex(/^[A-Za-z]+$/)
      .optional()
      .describe('Only together with `url`.'),
    url: address.optional().describe('Only together with `method`.'),
    headers: z
      .record(z.string(), headerValue)
      .default({})
      .describe('Headers of the request; `$VARIABLES` keep secrets out of the file.'),
    body: z.json().default(null).describe('A text, or a value that is sent as JSON.'),
    expect: expectation.prefault({}).describe('What the answer must be.'),
    within: durationSetting().optional().describe('Limit of the latency.'),
    withinMs: z.number().positive().nullish().describe('The same as `within`, in milliseconds.'),
  })
  .transform((written, context): HttpCheckSettings => {
    const named = METHODS.flatMap((method) =>
      written[method] === undefined ? [] : [{ method, url: written[method] }],
    );
    if (written.url !== undefined) named.push({ method: (written.method ?? 'get') as 'get', url: written.url });
    const [only] = named;
    if (only === undefined || named.length > 1) {
      context.addIssue({ code: 'custom', message: 'needs exactly one address\nWrite get: /health.', input: written });
      return z.NEVER;
    }
    const { 'body-contains': contains, bodyContains, ...expect } = written.expect;
    const isJson = written.body !== null && typeof written.body !== 'string';
    return {
      method: only.method.toUpperCase(),
      url: only.url,
      headers: isJson ? { 'content-type': 'application/json', ...written.headers } : written.headers,
      body: isJson ? JSON.stringify(written.body) : (written.body as string | null),
      expect: { ...expect, bodyContains: contains ?? bodyContains ?? null },
      withinMs: written.within === undefined ? (written.withinMs ?? null) : written.within * 1000,
    };
  });

/** The regular expression of `/pattern/` or `/pattern/i`; null when the text is none. */
export function patternOf(text: string): RegExp | null {
  const found = /^\/(.*)\/(i?)$/s.exec(text);
  if (!found) return null;
  try {
    return new RegExp(found[1] ?? '', `${found[2] ?? ''}u`);
  } catch {
    return null;
  }
}
