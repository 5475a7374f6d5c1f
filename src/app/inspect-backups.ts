import type { ServiceConfig } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { problemRecord } from '../core/release/problem.ts';
import type { App } from './app.ts';
import type { Finding } from './finding.ts';

/** For whom the backups are encrypted, and whether this machine can read them. Nothing is said where nothing is backed up. */
export async function inspectBackups(app: App, config: ServiceConfig, head: Plan): Promise<Finding[]> {
  if (config.stores.length === 0) return [];
  const what = 'backups';
  const recipients = config.backups.keys?.recipients ?? [];
  if (recipients.length === 0) {
    const found = 'compressed and signed, NOT encrypted: whoever can read their folder can read the data';
    const next =
      'shipway backup keygen FILE, and name the recipient in the release file: backups.encryption.recipients';
    return [{ level: 'warn', what, found, next }];
  }
  try {
    const tools = await app.tools();
    const canRead = (await tools.vault(head).keys.identity()) !== null;
    const here = canRead
      ? 'the identity is here: who has this machine can read the old ones too'
      : 'no identity here: this machine reads only those of releases that are not over';
    return [{ level: 'ok', what, found: `encrypted for ${recipients.join(', ')}; ${here}`, next: '' }];
  } catch (error) {
    const { message, where, next } = problemRecord(error);
    return [{ level: 'fail', what, found: where === null ? message : `${message} (${where})`, next }];
  }
}
