import { z } from 'zod';

// A schema wraps another a few times at most; an endless chain would be a mistake in a schema.
const WRAPPERS_MAX = 20;

const forms = new WeakMap<z.core.$ZodType, z.core.$ZodType>();

/** Tells what is written in the file where the schema that reads it computes more than zod can show. */
export function setWrittenForm(schema: z.core.$ZodType, form: z.core.$ZodType): void {
  forms.set(schema, form);
}

/** The written form of a schema, or of the one it was copied from: `describe` and `meta` give copies. */
export function writtenFormOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  let current: z.core.$ZodType | undefined = schema;
  for (let count = 0; count < WRAPPERS_MAX && current !== undefined; count++) {
    const form = forms.get(current);
    if (form !== undefined) return form;
    current = current._zod.parent as z.core.$ZodType | undefined;
  }
  return undefined;
}

/** The schema without its wrappers (optional, default, transform…): what decides which keys are allowed. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let current = schema;
  for (let count = 0; count < WRAPPERS_MAX; count++) {
    const form = writtenFormOf(current);
    const def = current._zod.def as {
      innerType?: z.core.$ZodType;
      in?: z.core.$ZodType;
      getter?: () => z.core.$ZodType;
    };
    const next = form ?? def.innerType ?? def.in ?? def.getter?.();
    if (next === undefined) return current;
    current = next;
  }
  return current;
}

/** The keys that a map at this path may have, in the order of the schema; empty when any key is allowed or none. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const plain = unwrap(schema);
  if (plain instanceof z.core.$ZodUnion) {
    return [...new Set(plain._zod.def.options.flatMap((option) => knownKeys(option, path)))];
  }
  const [first, ...rest] = path;
  if (plain instanceof z.core.$ZodObject) {
    const shape = plain._zod.def.shape;
    if (first === undefined) return Object.keys(shape);
    const name = String(first);
    const next = Object.hasOwn(shape, name) ? shape[name] : undefined;
    return next === undefined ? [] : knownKeys(next, rest);
  }
  if (first === undefined) return [];
  if (plain instanceof z.core.$ZodArray) return knownKeys(plain._zod.def.element, rest);
  if (plain instanceof z.core.$ZodRecord) return knownKeys(plain._zod.def.valueType, rest);
  return [];
}
