import { fileURLToPath } from 'node:url';

/** Where the compiled entry of the router lies: beside us, or in dist/ when we run from the sources. */
export function routerEntry(here: string = import.meta.url): string {
  const path = fileURLToPath(here);
  if (!path.endsWith('.ts')) return fileURLToPath(new URL('./serve.js', here));
  // Only for those who work on shipway itself: a compiled copy somewhere else.
  return (
    process.env['SHIPWAY_ROUTER_ENTRY'] ??
    fileURLToPath(new URL('../../../../dist/adapters/routers/builtin/serve.js', here))
  );
}
