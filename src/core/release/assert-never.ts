/** Ends a `switch` over a union: the compiler complains here when a word was added and not handled. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
