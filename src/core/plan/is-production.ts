import type { ServiceConfig } from '../config/service-config.ts';

/** Whether people depend on the environment: it is called so, or the way of a version ends there. */
export function isProduction({ environments }: Pick<ServiceConfig, 'environments'>, name: string): boolean {
  if (/^prod(uction)?$/.test(name)) return true;
  const isFollowed = Object.values(environments).some(({ after }) => after === name);
  return !isFollowed && (environments[name]?.after ?? null) !== null;
}
