import { jsonSchema } from '../core/config/json-schema.ts';
import type { Kinds } from '../core/config/kinds.ts';
import type { JsonObject } from '../core/release/json.ts';

/** The JSON Schema of the release file, for editors: the same text on every machine that has this version of shipway. */
export function printSchema(kinds: Kinds): string {
  return `${JSON.stringify(jsonSchema(kinds) satisfies JsonObject, null, 2)}\n`;
}
