import { applicationNameOf, type LockManners } from '../../core/release/lock-manners.ts';
import { bindVariables } from '../../core/release/bind-variables.ts';
import type { DeclaredSettings } from '../../platform/run-declared-command.ts';
import type { Effect } from '../../platform/effect.ts';

/** What holds for every connection that a run of the tool makes. */
export interface SessionLimits {
  lockTimeoutMs: number | null;
  statementTimeoutMs: number | null;
  /** By which the run is found on the server. */
  applicationName: string;
}

export function sessionLimits(manners: LockManners, lockTimeoutMs: number | null, token: string): SessionLimits {
  return { lockTimeoutMs, statementTimeoutMs: manners.statementTimeoutMs, applicationName: applicationNameOf(token) };
}

/**
 * Limits through what libpq (psycopg, psql) and node-postgres read from the environment. Other drivers pass them over, and then no limit
 * holds. What the release file says itself wins: it stands behind ours.
 */
export function limitedSettings<Settings extends DeclaredSettings>(
  settings: Settings,
  limits: SessionLimits | null,
): Settings {
  if (limits === null) return settings;
  const own = settings.env['PGOPTIONS'] ?? '';
  const options = [...optionWords(limits), ...(own === '' ? [] : [own])].join(' ');
  const env = { PGAPPNAME: limits.applicationName, ...settings.env, ...(options === '' ? {} : { PGOPTIONS: options }) };
  return { ...settings, env };
}

/** Limits in every PostgreSQL address of the environment, for tools that read nothing else. An address with options of its own is left alone. */
export function limitedAddresses<Settings extends DeclaredSettings>(
  settings: Settings,
  limits: SessionLimits | null,
  { effect, bindings }: { effect: Effect; bindings: Record<string, string> },
): Settings {
  if (limits === null) return settings;
  const words = [...optionWords(limits), `-c application_name=${limits.applicationName}`].join(' ');
  const env = Object.entries(settings.env).map(([name, text]) => {
    const address = effect.resolve(bindVariables(text, bindings));
    if (!/^postgres(?:ql)?:\/\//.test(address) || /[?&]options=/.test(address)) return [name, text];
    return [name, `${text}${address.includes('?') ? '&' : '?'}options=${encodeURIComponent(words)}`];
  });
  return { ...settings, env: Object.fromEntries(env) as Record<string, string> };
}

function optionWords({ lockTimeoutMs, statementTimeoutMs }: SessionLimits): string[] {
  return [
    ...(lockTimeoutMs === null ? [] : [`-c lock_timeout=${lockTimeoutMs}`]),
    ...(statementTimeoutMs === null ? [] : [`-c statement_timeout=${statementTimeoutMs}`]),
  ];
}
