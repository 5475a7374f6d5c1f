import { createJiti } from 'jiti';

/** Runs a TypeScript or JavaScript file of the project and returns what it exports by default. Errors of the file come through as they are. */
export async function loadModule(path: string): Promise<unknown> {
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false });
  return jiti.import(path, { default: true });
}
