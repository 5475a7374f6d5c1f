const VARIABLE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)/g;

/**
 * Replaces the `$NAME` and `${NAME}` whose values are given and leaves all others, and `$$`, for the resolver that knows the secrets.
 * A `$` inside a given value is doubled, so that the resolver never takes it for a variable.
 */
export function bindVariables(text: string, values: Record<string, string>): string {
  return text.replace(VARIABLE, (written: string, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare;
    const value = name !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined ? written : value.replaceAll('$', '$$$$');
  });
}
