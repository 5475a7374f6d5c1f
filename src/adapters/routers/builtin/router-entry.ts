import { compiledEntry } from '../../../platform/compiled-entry.ts';

/** The compiled entry of the router. `SHIPWAY_ROUTER_ENTRY` is only for those who work on shipway itself: a compiled copy somewhere else. */
export function routerEntry(here: string = import.meta.url): string {
  const override = here.endsWith('.ts') ? process.env['SHIPWAY_ROUTER_ENTRY'] : undefined;
  return override ?? compiledEntry('adapters/routers/builtin/serve.js');
}
