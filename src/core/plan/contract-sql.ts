/**
 * The SQL of the contract, as it is seen before the way up has run: a tool that goes from the revision of now prints the way up once more
 * before it. What is left is what will run at the end.
 */
export function contractSql(printed: string, up: string): string {
  const whole = withoutBrackets(printed);
  const first = withoutBrackets(up);
  return whole.startsWith(first) ? withoutBrackets(whole.slice(first.length)) : whole;
}

/** Without the BEGIN and COMMIT at both ends, which belong to the run and not to the migration. */
export function withoutBrackets(sql: string): string {
  const bracket = String.raw`(?:BEGIN|COMMIT)(?: TRANSACTION)?;`;
  return sql
    .replace(new RegExp(String.raw`^(?:\s|${bracket})+`, 'i'), '')
    .replace(new RegExp(String.raw`(?:\s|${bracket})+$`, 'i'), '');
}
