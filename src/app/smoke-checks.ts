import type { NamedCheck, ScratchConfig } from '../core/config/service-config.ts';
import { problem } from '../core/release/problem.ts';

/** What a version on a copy is asked. */
export interface SmokeChecks {
  checks: NamedCheck[];
  /** What of `verify` is not, one clause each. */
  notAsked: string[];
}

/** Scheme and host of an address, or the variable that stands for them. */
const ORIGIN = /^(?:https?:\/\/[^/?#]*|\$(?:\w+|\{\w+\}))/;

/**
 * The checks of `scratch`, or the HTTP checks of `verify` sent to the version on the copy: the same path, another host. A check that runs a
 * command knows its own addresses, which are those of the live service. Throws where nothing is left, or nobody could tell which host is the service.
 */
export function smokeChecks(verify: readonly NamedCheck[], scratch: ScratchConfig, environment: string): SmokeChecks {
  if (scratch.checks !== null) return { checks: scratch.checks, notAsked: [] };
  const asked = verify.flatMap((check) => {
    const url = urlOf(check);
    return url === null ? [] : [{ check, origin: ORIGIN.exec(url)?.[0] ?? '', path: url.replace(ORIGIN, '') }];
  });
  const next = 'Write what it is asked as scratch: checks: [{ Health: { get: /health } }].';
  const where = `environments.${environment}.scratch`;
  if (new Set(asked.map((one) => one.origin)).size > 1) {
    throw problem('refused', 'verify asks several hosts, and only one of them is the version', { where, next });
  }
  const unclear = asked.find(({ origin, path }) => origin.startsWith('$') && path === '');
  if (unclear !== undefined) {
    throw problem('refused', `the path of "${unclear.check.name}" stands in a variable`, { where, next });
  }
  const names = verify.filter((check) => !asked.some((one) => one.check === check)).map(({ name }) => name);
  if (asked.length === 0) throw problem('refused', 'verify has no HTTP check to send to it', { where, next });
  return {
    checks: asked.map(({ check, path }) => withUrl(check, path === '' ? '/' : path)),
    notAsked: names.map(
      (name) => `"${name}" of verify, which may ask the live service (name it under scratch: checks)`,
    ),
  };
}

function urlOf({ kind, settings }: NamedCheck): string | null {
  if (kind !== 'http' || typeof settings !== 'object' || settings === null || Array.isArray(settings)) return null;
  const { url } = settings;
  return typeof url === 'string' ? url : null;
}

function withUrl(check: NamedCheck, url: string): NamedCheck {
  const { settings } = check;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return check;
  return { ...check, settings: { ...settings, url } };
}
