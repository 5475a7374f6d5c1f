import type { z } from 'zod';
import type { Json } from '../../core/release/json.ts';
import { openBuiltinRouter } from './builtin/builtin-router.ts';
import { builtinRouterSettings } from './builtin/settings.ts';
import type { BuiltinRouterSettings } from './builtin/settings.ts';
import type { Router } from './router.ts';

/** Whose router it is; one service in one environment has one. */
export interface RouterScope {
  service: string;
  environment: string;
}

export interface RouterKind {
  settings: z.ZodType;
  /** One line for the reference page. */
  summary: string;
  /** Takes what the settings schema returned; touches nothing yet. */
  open(settings: Json, scope: RouterScope): Router;
}

/** All kinds of routers by the word in the release file. */
export const routerKinds: Record<string, RouterKind> = {
  builtin: {
    settings: builtinRouterSettings,
    summary:
      'Sends HTTP and WebSocket traffic on one port to the running version; a process of its own that outlives shipway.',
    open: (settings, scope) => openBuiltinRouter(settings as unknown as BuiltinRouterSettings, scope),
  },
};
