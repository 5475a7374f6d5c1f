import { z } from 'zod';
import type { Json } from '../release/json.ts';
import { choice, type WrittenChoice } from './choice.ts';
import { readPart } from './forward-issues.ts';
import type { KindSchema } from './kinds.ts';
import { knownKeys, setWrittenForm, unwrap, writtenFormOf } from './known-keys.ts';
import type { Chosen } from './service-config.ts';

/**
 * Where metrics come from. Besides `{ kind: { … } }` the short form `{ scrape: /metrics, component: api }` is read: the value of the kind
 * is the setting of that name, or the first setting of the kind, and the other keys are its other settings.
 */
export function metricsChoice(kinds: Record<string, KindSchema>): z.ZodType<Chosen, WrittenChoice> {
  const long = choice({ what: 'metrics', kinds });
  const schema = z.unknown().transform((written, context) => {
    const kind = shortKind(written, kinds);
    if (kind === null) {
      const chosen = readPart(context, long, written, (at) => at);
      return chosen === undefined ? z.NEVER : { kind: chosen.kind, settings: chosen.settings };
    }
    const { [kind]: main, ...others } = written as Record<string, unknown>;
    const mainKey = mainKeyOf(kind, kinds[kind]!);
    const placed = (at: PropertyKey[]): PropertyKey[] => (at[0] === mainKey ? [kind, ...at.slice(1)] : at);
    const settings = readPart(context, kinds[kind]!.settings, { [mainKey]: main, ...others }, placed);
    return settings === undefined ? z.NEVER : { kind, settings: settings as Json };
  });
  const shortForms = Object.entries(kinds).map(([kind, known]) => shortForm(kind, known));
  setWrittenForm(schema, z.union([...shortForms, writtenFormOf(long)!]));
  return schema as unknown as z.ZodType<Chosen, WrittenChoice>;
}

function shortKind(written: unknown, kinds: Record<string, KindSchema>): string | null {
  if (written === null || typeof written !== 'object' || Array.isArray(written)) return null;
  const present = Object.keys(written).filter((key) => Object.hasOwn(kinds, key));
  const kind = present.length === 1 ? present[0]! : null;
  return kind !== null && typeof (written as Record<string, unknown>)[kind] !== 'object' ? kind : null;
}

function mainKeyOf(kind: string, known: KindSchema): string {
  const keys = knownKeys(known.settings, []);
  return keys.includes(kind) ? kind : (keys[0] ?? kind);
}

function shortForm(kind: string, known: KindSchema): z.ZodType {
  const settings = unwrap(known.settings);
  const shape = settings instanceof z.core.$ZodObject ? settings._zod.def.shape : {};
  const { [mainKeyOf(kind, known)]: main, ...others } = shape as z.ZodRawShape;
  return z.strictObject({ [kind]: ((main ?? z.unknown()) as z.ZodType).describe(known.summary), ...others });
}
