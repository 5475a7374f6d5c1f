import type { z } from 'zod';
import { commonCheckWords } from './check-words.ts';
import { complain } from './forward-issues.ts';
import type { KindSchema } from './kinds.ts';
import { readCheck } from './read-check.ts';

/**
 * Targets take the health check of a component as opaque settings of the `http` check, because no adapter may know another kind's.
 * So it is written in the words of all checks, and expanded and checked here.
 */
export function expandHealthChecks(checks: Record<string, KindSchema>) {
  return (kind: string, settings: unknown, context: z.core.$RefinementCtx): unknown => {
    const components = isMap(settings) ? settings['components'] : undefined;
    if (!isMap(settings) || !isMap(components)) return settings;
    const expanded = Object.entries(components).map(([component, written]) => {
      if (!isMap(written) || !isMap(written['health'])) return [component, written];
      const path = [kind, 'components', component, 'health'];
      refuseTiming(written['health'], path, context);
      const check = readCheck(written['health'], { kinds: checks, context, path });
      if (check !== null && check.kind !== 'http') {
        complain(context, {
          path,
          at: 'key',
          message: 'is not a request\nWrite { get: /health, expect: { status: 200 } }.',
        });
      }
      // What is wrong was said; the settings schema must not say it again about the short form.
      return [component, { ...written, health: check === null ? 'none' : check.settings }];
    });
    return { ...settings, components: Object.fromEntries(expanded) };
  };
}

function refuseTiming(written: Record<string, unknown>, path: string[], context: z.core.$RefinementCtx): void {
  for (const key of Object.keys(commonCheckWords).filter((one) => Object.hasOwn(written, one))) {
    const message = 'has no meaning in a health check\nSay how long it may take to become healthy with start-within.';
    complain(context, { path: [...path, key], at: 'key', message });
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
