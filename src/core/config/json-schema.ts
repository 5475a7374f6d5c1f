import { z } from 'zod';
import type { Json, JsonObject } from '../release/json.ts';
import { releaseFileSchema } from './file-schema.ts';
import type { Kinds } from './kinds.ts';
import { writtenFormOf } from './known-keys.ts';

/** The schema of the release file for editors: JSON Schema draft 7, the newest that yaml-language-server understands. */
export function jsonSchema(kinds: Kinds): JsonObject {
  const schema = draft7Of(releaseFileSchema(kinds));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'shipway release file',
    description: 'How one service is released.',
    ...schema,
  };
}

function draft7Of(schema: z.core.$ZodType): JsonObject {
  const written = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: place }) => {
      const form = writtenFormOf(zodSchema);
      // What was said about the place (its description) wins over what the form says about itself.
      if (form !== undefined) Object.assign(place, { ...draft7Of(form), ...place });
      // zod drops the examples of what is read as another type (durations), but they are written as in the file.
      const examples = z.globalRegistry.get(zodSchema)?.['examples'];
      if (Array.isArray(examples)) place.examples = examples;
    },
  });
  const { $schema: _, ...rest } = withoutReferences(written as JsonObject) as JsonObject;
  return rest;
}

/** Only what contains itself (any JSON value) becomes a reference, and references do not survive being put into another schema. */
function withoutReferences(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (typeof value['$ref'] === 'string') return {};
  const kept = Object.entries(value).filter(
    ([key]) => key !== 'definitions' && key !== '$defs' && !key.startsWith('~'),
  );
  return Object.fromEntries(kept.map(([key, child]) => [key, withoutReferences(child)]));
}
