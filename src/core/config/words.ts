import { z } from 'zod';
import { DURATION_PATTERN, explainArgv, explainDuration, parseDuration } from '../release/quantities.ts';

/** A year: longer waits are slips of the unit, and timers of the machine overflow at some point. */
const SECONDS_MAX = 366 * 86_400;

/** A duration of the file, read as seconds. */
export function duration(): z.ZodType<number, string> {
  return z
    .string({ error: (issue) => explainDuration(issue.input) })
    .meta({ pattern: DURATION_PATTERN })
    .transform((text, context) => {
      const seconds = parseDuration(text);
      if (seconds !== null && seconds <= SECONDS_MAX) return seconds;
      const message = seconds === null ? explainDuration(text) : 'is longer than a year\nWrite a shorter duration.';
      context.addIssue({ code: 'custom', message, input: text });
      return z.NEVER;
    });
}

/** A duration that must be more than nothing. */
export function positiveDuration(): z.ZodType<number, string> {
  return duration().refine((seconds) => seconds > 0, 'is no time at all\nWrite a duration above 0.');
}

const EVERY = 'is not a rhythm\nWrite every and a duration up to a year: every 7 days.';

/** `every` and a duration, read as seconds. */
export function every(): z.ZodType<number, string> {
  return z
    .string({ error: () => EVERY })
    .meta({ pattern: `^every ${DURATION_PATTERN.replace(/^\^|\$$/g, '')}$` })
    .transform((text, context) => {
      const seconds = parseDuration(/^every (.+)$/.exec(text)?.[1] ?? '');
      if (seconds !== null && seconds > 0 && seconds <= SECONDS_MAX) return seconds;
      context.addIssue({ code: 'custom', message: EVERY, input: text });
      return z.NEVER;
    });
}

/** A program and its arguments. */
export function argv(): z.ZodType<string[], string[]> {
  return z
    .array(z.string(), { error: (issue) => explainArgv(issue.input) })
    .min(1, 'is empty\nWrite the program and its arguments as a list: [npm, test].');
}

/** A name that becomes part of file names, addresses and table rows. */
export function name(): z.ZodString {
  return z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,39}$/,
      'is not a name\nStart with a letter; use lower-case letters, digits and -, at most 40.',
    );
}

/** The name of an environment variable, without the dollar sign. */
export function variableName(): z.ZodString {
  return z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]{0,99}$/,
      'is not the name of a variable\nWrite the name without $: letters, digits and _.',
    );
}

/** A path inside the project; variables are allowed. */
export function path(): z.ZodString {
  return z.string().min(1, 'is empty\nWrite a path, relative to the project.').max(1024);
}

/** A text that is written down and not interpreted. */
export function text(): z.ZodString {
  return z.string().min(1, 'is empty\nWrite a text.').max(10_000);
}
