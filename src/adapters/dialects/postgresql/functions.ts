import type { FuncCall } from 'libpg-query';
import { textsOf } from './names.ts';

export { nodesBelow } from './names.ts';

// Marked volatile in the catalog of PostgreSQL and its usual extensions.
const VOLATILE = new Set([
  'random',
  'random_normal',
  'gen_random_uuid',
  'gen_random_bytes',
  'uuidv4',
  'uuidv7',
  'uuid_generate_v1',
  'uuid_generate_v1mc',
  'uuid_generate_v4',
  'clock_timestamp',
  'timeofday',
  'nextval',
  'setval',
  'currval',
  'lastval',
  'txid_current',
  'gen_salt',
]);

// Marked stable or immutable: one value serves all rows.
const STEADY = new Set([
  'now',
  'statement_timestamp',
  'transaction_timestamp',
  'timezone',
  'date_trunc',
  'date_part',
  'extract',
  'make_interval',
  'make_date',
  'to_timestamp',
  'to_date',
  'to_char',
  'current_setting',
  'current_database',
  'current_schema',
  'lower',
  'upper',
  'concat',
  'length',
  'md5',
  'abs',
  'round',
  'coalesce',
  'decode',
  'encode',
  'json_build_object',
  'json_build_array',
  'jsonb_build_object',
  'jsonb_build_array',
  'to_jsonb',
  'to_json',
  'array_fill',
  'string_to_array',
  'int4range',
  'int8range',
  'numrange',
  'daterange',
  'tstzrange',
  'tsrange',
  'to_tsvector',
  'st_makepoint',
  'st_setsrid',
]);

/** What the catalog says of a function; of one that is not PostgreSQL's own, nobody knows without the database. */
export function plainFunction(call: unknown): 'volatile' | 'steady' | 'unknown' {
  const name = textsOf((call as FuncCall).funcname).at(-1) ?? '';
  if (VOLATILE.has(name)) return 'volatile';
  return STEADY.has(name) ? 'steady' : 'unknown';
}
