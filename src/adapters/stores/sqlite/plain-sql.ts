const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\p{L}\p{N}_$.]+|\s+|./gu;
const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/i;

/**
 * The definition of an object without what means nothing: comments, blanks, capitals, needless quotes. SQLite keeps the text as it was
 * typed, and a table that was rebuilt or altered back is typed in another way.
 */
export function plainSql(sql: string): string {
  return tokensOf(sql).join(' ');
}

/** The same of a table, its columns and constraints sorted: a column that was dropped comes back at the end, and order is compared apart. */
export function plainTable(sql: string): string {
  const tokens = tokensOf(sql);
  const begin = tokens.indexOf('(');
  if (begin === -1) return tokens.join(' ');
  const parts: string[][] = [[]];
  let depth = 1;
  let at = begin + 1;
  for (; at < tokens.length && depth > 0; at += 1) {
    const token = tokens[at] ?? '';
    depth += token === '(' ? 1 : token === ')' ? -1 : 0;
    if (depth === 1 && token === ',') parts.push([]);
    else if (depth > 0) parts.at(-1)?.push(token);
  }
  const sorted = parts.map((part) => part.join(' ')).sort();
  return [...tokens.slice(0, begin), `( ${sorted.join(' , ')} )`, ...tokens.slice(at)].join(' ');
}

function tokensOf(sql: string): string[] {
  return [...sql.matchAll(TOKEN)].flatMap(([token]) => {
    if (/^(--|\/\*|\s)/.test(token)) return [];
    if (token.startsWith("'")) return [token];
    return [(unquoted(token) ?? token).toLowerCase()];
  });
}

function unquoted(token: string): string | null {
  const inner = /^(["`[])([\s\S]*)["`\]]$/.exec(token)?.[2];
  return inner !== undefined && PLAIN_NAME.test(inner) ? inner : null;
}
