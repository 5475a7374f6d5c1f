/** The variable of a store's copy: `SCRATCH_ORDERS_DB_URL` is the address of the copy of `orders-db`. */
export function scratchVariable(store: string, what: string): string {
  return `${scratchPrefix(store)}${what}`;
}

/** What every variable of a store's copy begins with. */
export function scratchPrefix(store: string): string {
  return `SCRATCH_${store.toUpperCase().replaceAll('-', '_')}_`;
}

/** The variables of one copy, by the name of its store: `SCRATCH_URL` becomes `SCRATCH_DATABASE_URL`. */
export function variablesOfStore(store: string, variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [scratchVariable(store, name.replace(/^SCRATCH_/, '')), value]),
  );
}
