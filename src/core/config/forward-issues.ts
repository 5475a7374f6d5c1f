import type { z } from 'zod';
import { knownKeys } from './known-keys.ts';
import type { ConfigPath } from './config-problem.ts';

/** An issue of zod with what only the schema that raised it knows. */
export type KnownIssue = z.core.$ZodIssue & { known?: string[] };

export interface Complaint {
  path: ConfigPath;
  /** `what is wrong\nwhat to write`. */
  message: string;
  at?: 'key' | 'value';
  offset?: number;
}

/** Adds a complaint of our own to what zod found. */
export function complain(context: z.core.$RefinementCtx, complaint: Complaint): void {
  const { path, message, at, offset } = complaint;
  context.addIssue({ code: 'custom', path: [...path], message, params: { at, offset } });
}

/** Reads a part of a value with a schema of its own; what is wrong goes into the issues of the whole, at the path the file has for it. */
export function readPart<T>(
  context: z.core.$RefinementCtx,
  schema: z.ZodType<T>,
  value: unknown,
  placed: (path: PropertyKey[]) => PropertyKey[],
): T | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues as KnownIssue[]) {
    const known = issue.known ?? (issue.code === 'unrecognized_keys' ? knownKeys(schema, issue.path) : undefined);
    const copy = { ...issue, path: placed([...issue.path]), ...(known === undefined ? {} : { known }) };
    context.issues.push(copy as unknown as z.core.$ZodRawIssue);
  }
  return undefined;
}
