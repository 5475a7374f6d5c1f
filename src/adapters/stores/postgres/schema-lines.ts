import type { Session } from './session.ts';

/** Object ids below it belong to the server itself (FirstNormalObjectId). */
export const FIRST_OWN_ID = 16384;

/** Who may do what, in an order of its own: `NULL` and the default written out are the same right. */
const rights = (acl: string, kind: string, owner: string): string => `
  coalesce((SELECT string_agg(one, ',' ORDER BY one) FROM (
    SELECT concat(CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee)::text END, '=', privilege_type,
                  CASE WHEN is_grantable THEN '*' ELSE '' END) AS one
    FROM aclexplode(coalesce(${acl}, acldefault(${kind}, ${owner})))) AS granted), '')`;

const columnRights = `
  coalesce((SELECT string_agg(one, ',' ORDER BY one) FROM (
    SELECT concat(CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee)::text END, '=', privilege_type) AS one
    FROM aclexplode(a.attacl)) AS granted), '')`;

/** What an extension brought is made again by CREATE EXTENSION. */
const notOfExtension = (catalog: string, id: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${id} AND d.deptype = 'e')`;

const relation = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= ${FIRST_OWN_ID} AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND ${notOfExtension('pg_class', 'c.oid')}`;

/**
 * Each gives (line, loose). `line` is compared as it is; `loose` holds expressions, which the server writes in another way once they were
 * dumped and restored (casts, brackets), so they are compared without those.
 */
const QUERIES = [
  `SELECT format('extension %I in %I', e.extname, n.nspname) AS line, NULL AS loose
   FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
  `SELECT format('schema %I owner %I rights %s', n.nspname, pg_get_userbyid(n.nspowner), ${rights('n.nspacl', `'n'`, 'n.nspowner')}), NULL
   FROM pg_namespace n WHERE (n.oid >= ${FIRST_OWN_ID} OR n.nspname = 'public') AND n.nspname !~ '^pg_' AND ${notOfExtension('pg_namespace', 'n.oid')}`,
  `SELECT format('relation %I.%I kind %s owner %I rights %s persistence %s security %s %s identity %s partition %s', n.nspname, c.relname,
     c.relkind, pg_get_userbyid(c.relowner), ${rights('c.relacl', `CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END`, 'c.relowner')},
     c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition),
     concat(array_to_string(ARRAY(SELECT unnest(c.reloptions) ORDER BY 1), ','), ' ', pg_get_expr(c.relpartbound, c.oid), ' ',
            CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END)
   ${relation} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
  `SELECT format('inherits %s from %s', i.inhrelid::regclass, i.inhparent::regclass), NULL FROM pg_inherits i`,
  `SELECT format('column %I.%I %s %I type %s null %s identity %s generated %s collation %s storage %s rights %s', n.nspname, c.relname,
     row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, a.attidentity,
     a.attgenerated, (SELECT collname FROM pg_collation o WHERE o.oid = a.attcollation), a.attstorage, ${columnRights}),
     pg_get_expr(b.adbin, b.adrelid)
   FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   LEFT JOIN pg_attrdef b ON b.adrelid = a.attrelid AND b.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid >= ${FIRST_OWN_ID} AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND ${notOfExtension('pg_class', 'c.oid')}`,
  `SELECT format('constraint %I of %s kind %s valid %s deferrable %s %s', t.conname, coalesce(nullif(t.conrelid, 0)::regclass::text, t.contypid::regtype::text),
     t.contype, t.convalidated, t.condeferrable, t.condeferred), pg_get_constraintdef(t.oid)
   FROM pg_constraint t WHERE t.oid >= ${FIRST_OWN_ID} AND ${notOfExtension('pg_class', 't.conrelid')} AND ${notOfExtension('pg_type', 't.contypid')}`,
  `SELECT format('index %I of %s unique %s primary %s clustered %s identity %s', c.relname, i.indrelid::regclass, i.indisunique, i.indisprimary,
     i.indisclustered, i.indisreplident), pg_get_indexdef(i.indexrelid)
   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE i.indisvalid AND c.oid >= ${FIRST_OWN_ID} AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND ${notOfExtension('pg_class', 'i.indrelid')}`,
  `SELECT format('view %I.%I', n.nspname, c.relname), pg_get_viewdef(c.oid) ${relation} AND c.relkind IN ('v', 'm')`,
  `SELECT format('function %s kind %s owner %I rights %s', p.oid::regprocedure, p.prokind, pg_get_userbyid(p.proowner), ${rights('p.proacl', `'f'`, 'p.proowner')}),
     CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END
   FROM pg_proc p WHERE p.oid >= ${FIRST_OWN_ID} AND ${notOfExtension('pg_proc', 'p.oid')}`,
  `SELECT format('trigger %I of %s enabled %s', t.tgname, t.tgrelid::regclass, t.tgenabled), pg_get_triggerdef(t.oid)
   FROM pg_trigger t WHERE NOT t.tgisinternal AND ${notOfExtension('pg_class', 't.tgrelid')}`,
  `SELECT format('policy %I of %I.%I %s roles %s %s', policyname, schemaname, tablename, permissive, roles, cmd), concat(qual, ' check ', with_check)
   FROM pg_policies`,
  `SELECT format('rule %I of %s enabled %s', r.rulename, r.ev_class::regclass, r.ev_enabled), pg_get_ruledef(r.oid)
   FROM pg_rewrite r WHERE r.oid >= ${FIRST_OWN_ID} AND r.rulename <> '_RETURN' AND ${notOfExtension('pg_class', 'r.ev_class')}`,
  `SELECT format('type %s kind %s owner %I rights %s base %s null %s labels %s', t.oid::regtype, t.typtype, pg_get_userbyid(t.typowner),
     ${rights('t.typacl', `'T'`, 't.typowner')}, format_type(t.typbasetype, t.typtypmod), NOT t.typnotnull,
     ARRAY(SELECT quote_ident(enumlabel) FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY enumsortorder)), t.typdefault
   FROM pg_type t WHERE t.oid >= ${FIRST_OWN_ID} AND t.typtype IN ('e', 'd', 'r') AND ${notOfExtension('pg_type', 't.oid')}`,
  `SELECT format('sequence %s type %s from %s to %s start %s by %s cache %s cycle %s', s.seqrelid::regclass, s.seqtypid::regtype, s.seqmin, s.seqmax,
     s.seqstart, s.seqincrement, s.seqcache, s.seqcycle), NULL
   FROM pg_sequence s WHERE ${notOfExtension('pg_class', 's.seqrelid')}`,
  `SELECT format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description), NULL
   FROM pg_description WHERE objoid >= ${FIRST_OWN_ID} AND classoid <> 'pg_extension'::regclass
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = classoid AND d.objid = objoid AND d.deptype = 'e')`,
  `SELECT format('default rights of %I in %s for %s: %s', pg_get_userbyid(a.defaclrole), coalesce(nullif(a.defaclnamespace, 0)::regnamespace::text, 'all'),
     a.defaclobjtype, ${rights('a.defaclacl', `'r'`, 'a.defaclrole')}), NULL FROM pg_default_acl a`,
  `SELECT format('publication %I all %s %s %s %s %s', pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate), NULL FROM pg_publication`,
  `SELECT format('published %I %I.%I', pubname, schemaname, tablename), NULL FROM pg_publication_tables`,
  `SELECT format('event trigger %I on %s enabled %s', evtname, evtevent, evtenabled), NULL FROM pg_event_trigger WHERE oid >= ${FIRST_OWN_ID}`,
  ...[
    'pg_cast',
    'pg_collation',
    'pg_conversion',
    'pg_operator',
    'pg_opclass',
    'pg_opfamily',
    'pg_statistic_ext',
    'pg_ts_config',
    'pg_ts_dict',
  ]
    .concat(['pg_foreign_data_wrapper', 'pg_foreign_server', 'pg_transform'])
    .map(
      (catalog) => `SELECT pg_describe_object('${catalog}'::regclass, o.oid, 0), NULL FROM ${catalog} o
        WHERE o.oid >= ${FIRST_OWN_ID} AND ${notOfExtension(catalog, 'o.oid')}`,
    ),
];

/** One line for each object of the schema, sorted by bytes; the same for a database that was dumped and restored into the same major version. */
export async function schemaLines(session: Session): Promise<string[]> {
  const rows = await session.query<{ line: string; loose: string | null }>(QUERIES.join('\nUNION ALL\n'));
  return rows.map(({ line, loose }) => (loose === null ? line : `${line} as ${withoutNotation(loose)}`)).sort(byCode);
}

const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const WORD = String.raw`(?:"[^"]+"|[a-z_][\w$]*)`;
const CAST = new RegExp(
  String.raw`::${WORD}(?:\.${WORD})?(?: varying| precision)?(?:\(\d+(?:,\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*`,
  'g',
);

/** An expression without casts, brackets and white space, which change on the way through a dump. */
export function withoutNotation(text: string): string {
  return text.replace(CAST, '').replace(/[()\s]+/g, '');
}
