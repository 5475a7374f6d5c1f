import { z } from 'zod';
import { commandCheckWords, commonCheckWords, httpCheckWords, type WrittenNamedCheck } from './check-words.ts';
import { complain } from './forward-issues.ts';
import { setWrittenForm } from './known-keys.ts';
import { kindKeys, otherKinds, readCheck, type CheckKinds } from './read-check.ts';
import type { NamedCheck } from './service-config.ts';

type Context = z.core.$RefinementCtx;

const NAME_LENGTH_MAX = 80; // fits one line of a terminal with its result

/** `- Name: { get: URL, … }` → a check with its kind, strict settings and timing. */
export function namedCheck(kinds: CheckKinds): z.ZodType<NamedCheck, WrittenNamedCheck> {
  const schema = z.unknown().transform((written, context) => {
    const name = nameOfCheck(written, kinds, context);
    if (name === null) return z.NEVER;
    const check = readCheck((written as WrittenNamedCheck)[name], { kinds, context, path: [name] });
    return check === null ? z.NEVER : { name, ...check };
  });
  setWrittenForm(schema, z.record(z.string(), checkForm(kinds)).meta({ minProperties: 1, maxProperties: 1 }));
  return schema as unknown as z.ZodType<NamedCheck, WrittenNamedCheck>;
}

/** The forms of a check without its name, for editors and the reference page. */
export function checkForm(kinds: CheckKinds): z.ZodType {
  const others = otherKinds(kinds).map((kind) =>
    z.strictObject({ [kind]: kinds[kind]!.settings.describe(kinds[kind]!.summary), ...commonCheckWords }),
  );
  return z.union([httpCheckWords, commandCheckWords, ...others]);
}

function nameOfCheck(written: unknown, kinds: CheckKinds, context: Context): string | null {
  const keys = isMap(written) ? Object.keys(written) : [];
  const example = '- Health: { get: https://example.org/health, expect: { status: 200 } }';
  if (keys.length === 0) {
    complain(context, { path: [], message: `is not a check with a name\nWrite ${example}.` });
    return null;
  }
  const first = keys[0]!;
  if (kindKeys(kinds).includes(first)) {
    complain(context, {
      path: [first],
      at: 'key',
      message: `is a check without a name\nWrite the name before it: ${example}.`,
    });
    return null;
  }
  if (keys.length > 1) {
    const message = `stands beside the name of the check "${shortName(first)}"\nIndent it below the name, or start a new line with a dash.`;
    complain(context, { path: [keys[1]!], at: 'key', message });
    return null;
  }
  if (first.trim() === '' || first.length > NAME_LENGTH_MAX || /[\r\n]/.test(first)) {
    complain(context, {
      path: [first],
      at: 'key',
      message: `is not usable as a name\nWrite one line of at most ${NAME_LENGTH_MAX} characters.`,
    });
    return null;
  }
  return first;
}

function shortName(name: string): string {
  return name.length > 40 ? `${name.slice(0, 39)}…` : name;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
