import type { Chosen } from '../core/config/service-config.ts';
import { bindVariables } from '../core/release/bind-variables.ts';
import type { Effect } from '../platform/effect.ts';

/** An effect under which the variables of the release file lead to the scratch: in its texts, and in the environment of every program. */
export function pointedEffect(effect: Effect, env: Record<string, string>, scratch: Record<string, string>): Effect {
  const given = Object.entries(env).map(([name, text]) => [name, effect.resolve(bindVariables(text, scratch))]);
  const values: Record<string, string> = { ...scratch, ...(Object.fromEntries(given) as Record<string, string>) };
  const resolve = (text: string): string => effect.resolve(bindVariables(text, values));
  return {
    ...effect,
    resolve,
    environment: (extra) => {
      const resolved = Object.entries(extra).map(([name, text]) => [name, resolve(text)]);
      return { ...effect.environment({}), ...values, ...(Object.fromEntries(resolved) as Record<string, string>) };
    },
  };
}

/** A migrator or a check whose own `env` gives way to that of the rehearsal: an address may stand there in so many words. */
export function pointedSettings<Kind extends Chosen>(chosen: Kind, env: Record<string, string>): Kind {
  const { settings } = chosen;
  if (settings === null || typeof settings !== 'object' || Array.isArray(settings)) return chosen;
  const own = settings['env'];
  if (own === null || typeof own !== 'object' || Array.isArray(own)) return chosen;
  return { ...chosen, settings: { ...settings, env: { ...own, ...env } } };
}
