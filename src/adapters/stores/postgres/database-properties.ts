import { quoteName, quoteText, type Session } from './session.ts';

/** What a database is beyond its content: no dump into another name keeps it. */
export interface DatabaseProperties {
  owner: string;
  encoding: string;
  collate: string;
  ctype: string;
  /** `c` of the C library, `i` ICU, `b` built in. */
  provider: string;
  locale: string | null;
  tablespace: string;
  connectionLimit: number;
  comment: string | null;
  /** Null: the default rights. */
  grants: { to: string | null; right: string; isGrantable: boolean }[] | null;
  /** Role null: for every role. */
  settings: { role: string | null; name: string; value: string }[];
}

/**
 * Last line of the comment of a restored copy: the name it was staged under. A rename keeps it, so that whoever comes after a crash, program
 * or person, sees where the live data came from. A setting of the database would do as well, but only a superuser may make one up.
 */
const MARK = 'restored by shipway as ';
/** Behind the name once the copy was live and swapped back: it may hold what the service wrote meanwhile, so no other stage replaces it. */
const WAS_LIVE = ' (was live)';

/** The comment without its mark, and the name in the mark. */
function splitComment(comment: string | null): { comment: string | null; mark: string | null } {
  const at = comment === null ? -1 : comment.lastIndexOf(MARK);
  if (comment === null || at === -1 || (at > 0 && comment[at - 1] !== '\n')) return { comment, mark: null };
  return { comment: at === 0 ? null : comment.slice(0, at - 1), mark: comment.slice(at + MARK.length) };
}

async function readComment(session: Session, database: string): Promise<ReturnType<typeof splitComment>> {
  const [row] = await session.query<{ comment: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    [database],
  );
  return splitComment(row?.comment ?? null);
}

/** The name under which the data of this database was staged, and whether it has been live since; null for data that no restore made. */
export async function markOf(session: Session, database: string): Promise<{ name: string; wasLive: boolean } | null> {
  const { mark } = await readComment(session, database);
  if (mark === null) return null;
  const wasLive = mark.endsWith(WAS_LIVE);
  return { name: wasLive ? mark.slice(0, -WAS_LIVE.length) : mark, wasLive };
}

/** Marks the database with the name, or with null takes the mark away; the rest of its comment stays. */
export async function setMark(
  session: Session,
  database: string,
  mark: { name: string; wasLive: boolean } | null,
): Promise<void> {
  const { comment } = await readComment(session, database);
  const written = mark === null ? null : `${MARK}${mark.name}${mark.wasLive ? WAS_LIVE : ''}`;
  const lines = [comment, written].filter((line) => line !== null);
  const text = lines.length === 0 ? 'NULL' : quoteText(lines.join('\n'));
  await session.query(`COMMENT ON DATABASE ${quoteName(database)} IS ${text}`);
}

// Their value is a list that is stored quoted as SQL writes it; as one text it would name a single strange thing.
const LISTS = /^(search_path|temp_tablespaces|local_preload_libraries|session_preload_libraries)$/;

/** Null when there is no such database. Columns differ by version of the server, so the row is read as a whole. */
export async function readProperties(session: Session, name: string): Promise<DatabaseProperties | null> {
  const [row] = await session.query<{ properties: Omit<DatabaseProperties, 'settings'> & { oid: string } }>(
    `SELECT jsonb_build_object(
       'oid', d.oid::text, 'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate,
       'ctype', d.datctype, 'provider', coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
       'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
       'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace), 'connectionLimit', d.datconnlimit,
       'comment', shobj_description(d.oid, 'pg_database'),
       'grants', CASE WHEN d.datacl IS NOT NULL THEN (
          SELECT coalesce(jsonb_agg(jsonb_build_object('to', CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END, 'right', privilege_type,
            'isGrantable', is_grantable)), '[]') FROM aclexplode(d.datacl)) END) AS properties
     FROM pg_database d WHERE d.datname = $1`,
    [name],
  );
  if (row === undefined) return null;
  const { oid, ...properties } = row.properties;
  const { comment } = splitComment(properties.comment);
  return { ...properties, comment, settings: await readSettings(session, oid) };
}

async function readSettings(session: Session, oid: string): Promise<DatabaseProperties['settings']> {
  return session.query<DatabaseProperties['settings'][number]>(
    `SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole)::text END AS role, split_part(one, '=', 1) AS name,
       substr(one, strpos(one, '=') + 1) AS value
     FROM pg_db_role_setting s, unnest(s.setconfig) AS one
     WHERE s.setdatabase = $1 ORDER BY 1, 2`,
    [oid],
  );
}

/** The statement that makes an empty database of that kind. */
export function createStatement(name: string, properties: DatabaseProperties): string {
  const locale = properties.locale ?? '';
  const provider =
    properties.provider === 'i'
      ? `LOCALE_PROVIDER icu ICU_LOCALE ${quoteText(locale)}`
      : properties.provider === 'b'
        ? `LOCALE_PROVIDER builtin BUILTIN_LOCALE ${quoteText(locale)}`
        : '';
  // Naming the default one asks for a right that only its owner has.
  const tablespace = properties.tablespace === 'pg_default' ? '' : `TABLESPACE ${quoteName(properties.tablespace)}`;
  return (
    `CREATE DATABASE ${quoteName(name)} OWNER ${quoteName(properties.owner)} TEMPLATE template0 ENCODING ${quoteText(properties.encoding)} ` +
    `LC_COLLATE ${quoteText(properties.collate)} LC_CTYPE ${quoteText(properties.ctype)} ${provider} ${tablespace}`
  );
}

/** Gives a database, made just now, the rights, settings, limit and comment. */
export async function applyProperties(session: Session, name: string, properties: DatabaseProperties): Promise<void> {
  const database = quoteName(name);
  for (const { role, name: setting, value } of properties.settings) {
    const target = role === null ? `DATABASE ${database}` : `ROLE ${quoteName(role)} IN DATABASE ${database}`;
    const written = LISTS.test(setting) ? value.replaceAll('""', `''`) : quoteText(value);
    const dotted = setting.split('.').map(quoteName).join('.');
    await session.query(`ALTER ${target} SET ${dotted} TO ${written === '' ? `''` : written}`);
  }
  if (properties.grants !== null) {
    await session.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC, ${quoteName(properties.owner)}`);
    for (const { to, right, isGrantable } of properties.grants) {
      const grantee = to === null ? 'PUBLIC' : quoteName(to);
      await session.query(
        `GRANT ${right} ON DATABASE ${database} TO ${grantee}${isGrantable ? ' WITH GRANT OPTION' : ''}`,
      );
    }
  }
  if (properties.comment !== null)
    await session.query(`COMMENT ON DATABASE ${database} IS ${quoteText(properties.comment)}`);
  await session.query(`ALTER DATABASE ${database} CONNECTION LIMIT ${properties.connectionLimit}`);
}
