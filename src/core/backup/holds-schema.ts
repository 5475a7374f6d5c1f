/** Kinds of stores that no migration works on. A docker volume may hold the files of a database, and what a command copies may be one. */
const WITHOUT_SCHEMA: ReadonlySet<string> = new Set(['files', 'redis', 'qdrant']);

/** Whether a store of that kind may hold the data whose schema migrations change. */
export function holdsSchema(kind: string): boolean {
  return !WITHOUT_SCHEMA.has(kind);
}
