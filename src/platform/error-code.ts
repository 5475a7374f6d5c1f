/** The `code` of a system, database or library error, such as `ENOENT` or `57P01`; empty when it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
