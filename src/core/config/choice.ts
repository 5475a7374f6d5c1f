import { z } from 'zod';
import type { Json } from '../release/json.ts';
import type { KindSchema } from './kinds.ts';
import { complain, readPart } from './forward-issues.ts';
import { setWrittenForm } from './known-keys.ts';
import type { Chosen } from './service-config.ts';
import { suggestionFor } from './suggest.ts';

/** As written: one key names the kind, its value holds the settings of that kind. */
export type WrittenChoice = { [kind: string]: unknown };

export interface ChoiceOptions<Shape extends z.ZodRawShape> {
  /** What is chosen, for messages: `target`. */
  what: string;
  kinds: Record<string, KindSchema>;
  /** Keys beside the kind that belong to every kind. */
  common?: Shape;
  /** Rewrites short forms before the settings are checked; complaints go to the path of the file. */
  prepare?: (kind: string, settings: unknown, context: z.core.$RefinementCtx) => unknown;
}

/** Exactly one of the known kinds, with its settings checked by the schema of that kind, and what was written beside it. */
export function choice<Shape extends z.ZodRawShape = Record<never, never>>(
  options: ChoiceOptions<Shape>,
): z.ZodType<Chosen & { common: z.output<z.ZodObject<Shape>> }, WrittenChoice> {
  const common = z.strictObject(options.common ?? ({} as Shape));
  const schema = z.unknown().transform((written, context) => {
    if (!isMap(written)) return refuseValue(options, written, context);
    const kind = chosenKind(options, Object.keys(written), context);
    const beside = readPart(context, common, without(written, options.kinds, common), (at) => at);
    if (kind === null) return z.NEVER;
    const prepared = options.prepare?.(kind, written[kind], context) ?? written[kind];
    const settings = readPart(context, options.kinds[kind]!.settings, prepared, (at) => [kind, ...at]);
    if (beside === undefined || settings === undefined) return z.NEVER;
    return { kind, settings: settings as Json, common: beside };
  });
  setWrittenForm(schema, formOf(options, common.shape));
  return schema as unknown as z.ZodType<Chosen & { common: z.output<z.ZodObject<Shape>> }, WrittenChoice>;
}

/** What editors and the reference page show: each kind as an optional key, one of them to be written. */
function formOf<Shape extends z.ZodRawShape>(options: ChoiceOptions<Shape>, common: z.ZodRawShape): z.ZodType {
  const kinds = Object.entries(options.kinds).map(([kind, { settings, summary }]) => [
    kind,
    settings.optional().describe(summary),
  ]);
  const form = z.strictObject({ ...Object.fromEntries(kinds), ...common });
  return form.meta({ minProperties: 1 });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function refuseValue<Shape extends z.ZodRawShape>(
  options: ChoiceOptions<Shape>,
  written: unknown,
  context: z.core.$RefinementCtx,
): never {
  const kinds = Object.keys(options.kinds);
  if (typeof written === 'string' && kinds.includes(written)) {
    complain(context, {
      path: [],
      message: `names only the kind of ${options.what}\nWrite its settings too: { ${written}: { … } }.`,
    });
    return z.NEVER;
  }
  const what = written === undefined ? 'is missing' : `is not a map with a kind of ${options.what}`;
  complain(context, { path: [], message: `${what}\nWrite { kind: { … } } with one of: ${kinds.join(', ')}.` });
  return z.NEVER;
}

function chosenKind<Shape extends z.ZodRawShape>(
  options: ChoiceOptions<Shape>,
  keys: string[],
  context: z.core.$RefinementCtx,
): string | null {
  const kinds = Object.keys(options.kinds);
  const common = Object.keys(options.common ?? {});
  const unknown = keys.filter((key) => !kinds.includes(key) && !common.includes(key));
  const chosen = keys.filter((key) => kinds.includes(key));
  for (const key of unknown) {
    const known = chosen.length === 0 ? kinds : common;
    const what = chosen.length === 0 ? `is not a known kind of ${options.what}` : 'is not a known key beside the kind';
    const message = `${what}\n${suggestionFor(key, known, 'Known kinds')}`;
    complain(context, {
      path: [key],
      at: 'key',
      message: chosen.length === 0 ? message : message.replace('Known kinds', 'Known here'),
    });
  }
  if (chosen.length === 0 && unknown.length === 0) {
    complain(context, { path: [], message: `names no kind of ${options.what}\nWrite one of: ${kinds.join(', ')}.` });
  }
  if (chosen.length > 1) {
    complain(context, {
      path: [chosen[1]!],
      at: 'key',
      message: `is a second kind of ${options.what}, beside ${chosen[0]}\nKeep one of the two.`,
    });
  }
  return chosen.length === 1 ? chosen[0]! : null;
}

function without(
  written: Record<string, unknown>,
  kinds: Record<string, KindSchema>,
  common: z.ZodObject,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(written).filter(([key]) => !Object.hasOwn(kinds, key) && Object.hasOwn(common.shape, key)),
  );
}
