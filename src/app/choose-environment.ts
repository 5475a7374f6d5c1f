import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { problem } from '../core/release/problem.ts';

/** The environment that is meant: the named one, or the only one there is. Throws `usage` with the names otherwise. */
export function chooseEnvironment(config: ServiceConfig, name: string | null): EnvironmentConfig {
  const names = Object.keys(config.environments);
  const wanted = name ?? (names.length === 1 ? (names[0] ?? '') : '');
  const found = config.environments[wanted];
  if (found !== undefined) return found;
  const message =
    name === null ? `${config.service} has several environments` : `${config.service} has no environment "${name}"`;
  throw problem('usage', message, { next: `Choose one with --env: ${names.join(', ')}` });
}
