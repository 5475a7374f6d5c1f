const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?(?:\1|$)|;|[^;'"$/-]+|[\s\S]/g;

/** The statements of a file, without the comments between them. A `;` in a text, a name, a comment or a dollar quote ends none. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let current = '';
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token === ';') {
      statements.push(current);
      current = '';
    } else current += token.startsWith('--') || token.startsWith('/*') ? ' ' : token;
  }
  return [...statements, current].map((text) => text.trim()).filter((text) => text !== '');
}

const SHOWN_MAX = 120; // fits a line of a terminal with what is said of it

/** On one line, shortened. */
export function shownSql(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX - 1)}…` : line;
}
