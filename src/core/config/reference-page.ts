import { stringify } from 'yaml';
import type { Json, JsonObject } from '../release/json.ts';
import { BYTE_SIZE_PATTERN, DURATION_PATTERN, PERCENTAGE_PATTERN } from '../release/quantities.ts';
import { jsonSchema } from './json-schema.ts';
import type { Kinds } from './kinds.ts';

interface Section {
  path: string;
  meaning: string;
  schema: JsonObject;
}

// A schema that contains itself would print for ever; the file nests 10 deep.
const DEPTH_MAX = 14;

const HEAD = `# The release file

\`shipway.yaml\` (or \`.json\`, or \`shipway.config.ts\` with \`defineService\`) says how one service is released. This page is made from the
schema that reads the file. \`shipway schema\` writes the same schema for editors.

Durations are written \`500ms\`, \`30s\`, \`5m\`, \`2h\`, \`1h30m\`, \`2 weeks\`; sizes \`256MiB\`, \`2GB\`. \`$NAME\` and \`\${NAME}\` are replaced when they are
used, never before, and \`$$\` is a dollar. shipway itself knows \`$VERSION\`, \`$PREVIOUS_VERSION\`, \`$COMMIT\`, \`$RELEASE\`, \`$ENVIRONMENT\`, \`$SERVICE\`,
\`$HOST\`, \`$PORT\`, \`$BASE\` of the instance that is looked at, and \`$REVISION\` in the command that migrates down. A secret variable in a command line is refused: pass it by \`env\`.
`;

/** The reference of the release file as Markdown: for each key its type, default, meaning and an example. Made from the schema, so it cannot be wrong. */
export function referencePage(kinds: Kinds): string {
  const sections: Section[] = [];
  collect({ path: '', meaning: '', schema: jsonSchema(kinds) }, sections, 0);
  const seen = new Map<string, string>();
  return `${[HEAD, ...sections.flatMap((section) => formatOnce(section, seen))].join('\n')}`;
}

function collect(section: Section, into: Section[], depth: number): void {
  if (depth > DEPTH_MAX) return;
  const properties = objectOf(section.schema['properties']);
  if (Object.keys(properties).length > 0) into.push(section);
  for (const [key, property] of Object.entries(properties)) {
    const path = section.path === '' ? key : `${section.path}.${key}`;
    for (const form of formsOf(objectOf(property)))
      collectBelow({ path, meaning: describe(form, property), schema: form }, into, depth);
  }
  const named = section.schema['additionalProperties'];
  if (isObject(named) && Object.keys(properties).length === 0) collectNamed(section, named, into, depth);
}

function collectNamed(section: Section, named: JsonObject, into: Section[], depth: number): void {
  const path = section.path === '' ? '<name>' : `${section.path}.<name>`;
  for (const form of formsOf(named)) {
    collectBelow({ path, meaning: describe(form, named), schema: form }, into, depth);
  }
}

function collectBelow(section: Section, into: Section[], depth: number): void {
  const items = section.schema['items'];
  if (!isObject(items)) return collect(section, into, depth + 1);
  for (const form of formsOf(items)) {
    collect({ ...section, path: `${section.path}[]`, schema: form }, into, depth + 1);
  }
}

function describe(form: JsonObject, outer: Json): string {
  return textOf(form['description'] ?? objectOf(outer)['description']);
}

/** Checks are written alike in five places: their keys are listed at the first one. */
function formatOnce(section: Section, seen: Map<string, string>): string[] {
  const keys = JSON.stringify(section.schema['properties']);
  const before = seen.get(keys);
  if (before === undefined) {
    seen.set(keys, section.path);
    return [formatSection(section)];
  }
  const again = `## \`${section.path}\`\n\nThe same keys as \`${before}\`.\n`;
  // The forms of one check follow each other, and what lies below them was shown with the first one too.
  if (seen.has(again) || section.path.endsWith('.expect') || before === section.path) return [];
  seen.set(again, section.path);
  return [again];
}

function formatSection(section: Section): string {
  const required = section.schema['required'];
  const needed = Array.isArray(required) ? required : [];
  const rows = Object.entries(objectOf(section.schema['properties'])).map(([key, property]) =>
    formatRow(key, objectOf(property), needed.includes(key)),
  );
  const title = section.path === '' ? '## Top level' : `## \`${section.path}\``;
  return [
    title,
    '',
    ...(section.meaning === '' ? [] : [section.meaning, '']),
    '| key | type | default | meaning | example |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function formatRow(key: string, property: JsonObject, needed: boolean): string {
  const shown = property['default'] === undefined ? (needed ? '*required*' : '') : code(property['default']);
  const examples = property['examples'];
  const example = Array.isArray(examples) && examples[0] !== undefined ? code(examples[0]) : '';
  const cells = [`\`${key}\``, typeOf(property), shown, textOf(property['description']), example];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

function code(value: Json): string {
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
  return text === '' ? '' : `\`${text}\``;
}

function typeOf(schema: JsonObject): string {
  const forms = formsOf(schema);
  if (forms.length > 1) return [...new Set(forms.map(typeOf))].join(' or ');
  const words = schema['enum'] ?? (schema['const'] === undefined ? undefined : [schema['const']]);
  if (Array.isArray(words)) return words.map((word) => `\`${JSON.stringify(word)}\``.replaceAll('"', '')).join(', ');
  if (schema['pattern'] === DURATION_PATTERN) return 'duration';
  if (schema['pattern'] === BYTE_SIZE_PATTERN) return 'size';
  if (schema['pattern'] === PERCENTAGE_PATTERN) return 'percentage';
  switch (schema['type']) {
    case 'array':
      return `list of ${typeOf(objectOf(schema['items']))}`;
    case 'object':
      return 'map';
    case 'string':
      return 'text';
    case 'integer':
      return 'whole number';
    case 'boolean':
      return '`true`, `false`';
    case 'number':
      return 'number';
    default:
      return 'any';
  }
}

function formsOf(schema: JsonObject): JsonObject[] {
  const forms = schema['anyOf'] ?? schema['oneOf'];
  return Array.isArray(forms) ? forms.map(objectOf) : [schema];
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && value !== undefined && typeof value === 'object' && !Array.isArray(value);
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
