import { z } from 'zod';
import {
  BYTE_SIZE_PATTERN,
  DURATION_PATTERN,
  PERCENTAGE_PATTERN,
  explainArgv,
  explainByteSize,
  explainDuration,
  explainPercentage,
  parseByteSize,
  parseDuration,
  parsePercentage,
} from '../core/release/quantities.ts';

// Building blocks for the settings schemas of adapters. Two rules for every schema there:
// strict objects (`z.strictObject`), so that a misspelt key is refused; and an own error text may have two lines, `what is wrong\nwhat to write`,
// of which the reader of the release file prints the second as the fix.

/** Written as text, read as a number. */
export type Quantity = z.ZodType<number, string>;

function quantity(
  pattern: string,
  parse: (text: string) => number | null,
  explain: (value: unknown) => string,
): Quantity {
  return z
    .string({ error: (issue) => explain(issue.input) })
    .meta({ pattern })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== null) return value;
      context.addIssue({ code: 'custom', message: explain(text), input: text });
      return z.NEVER;
    });
}

/** A duration (`30s`, `5m`, `1h30m`), read as seconds with fractions. With a default text the key may be left out. */
export function durationSetting(): Quantity;
export function durationSetting(defaultText: string): z.ZodPrefault<Quantity>;
export function durationSetting(defaultText?: string): Quantity | z.ZodPrefault<Quantity> {
  const schema = quantity(DURATION_PATTERN, parseDuration, explainDuration);
  return defaultText === undefined ? schema : schema.prefault(defaultText);
}

/** A size (`256MiB`, `2GB`), read as whole bytes. */
export function byteSizeSetting(): Quantity;
export function byteSizeSetting(defaultText: string): z.ZodPrefault<Quantity>;
export function byteSizeSetting(defaultText?: string): Quantity | z.ZodPrefault<Quantity> {
  const schema = quantity(BYTE_SIZE_PATTERN, parseByteSize, explainByteSize);
  return defaultText === undefined ? schema : schema.prefault(defaultText);
}

/** A percentage (`5%`), read as a fraction. */
export function percentageSetting(): Quantity {
  return quantity(PERCENTAGE_PATTERN, parsePercentage, explainPercentage);
}

/** A program and its arguments as a list of texts; a single text is refused, because no shell will split it. */
export function argvSetting(): z.ZodType<string[], string[]> {
  return z
    .array(z.string(), { error: (issue) => explainArgv(issue.input) })
    .min(1, { error: 'is empty\nWrite the program and its arguments as a list: [npm, test].' });
}
