import { copyConcerns } from '../core/backup/copy-standing.ts';
import type { ServiceConfig } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { problemRecord } from '../core/release/problem.ts';
import { copyHistory } from '../state/copy-record.ts';
import type { Database } from '../state/open-database.ts';
import type { App } from './app.ts';
import type { Finding } from './finding.ts';

const LIMIT_SECONDS = 40; // a connection that is refused, or one that nobody answers, is tried more than once

/** Whether each second place can be reached, written, read and cleared, and whether the newest backup is there. */
export async function inspectCopies(app: App, config: ServiceConfig, head: Plan): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, required } of config.backups.copies ?? []) {
    const what = `copies in ${name}`;
    try {
      const effect = await app.effect(head, 'look/doctor/0');
      const { copies } = (await app.tools()).backups;
      const where = await copies.at(head, { place: name, limitSeconds: LIMIT_SECONDS }, effect, async (act) => {
        await act.probe();
        return act.where;
      });
      findings.push({ level: 'ok', what, found: `written, read and deleted there: ${where}`, next: '' });
    } catch (error) {
      const { message, where, next } = problemRecord(error);
      const found = where === null ? message : `${message} (${where})`;
      findings.push({ level: required ? 'fail' : 'warn', what, found, next });
    }
  }
  const database = await app.existingDatabase().catch(() => null); // said by the finding about the database
  if (database === null) return findings;
  for (const { environment, concern } of await copyConcernsOf(database, config)) {
    const next = `shipway backup copy --env ${environment}`;
    findings.push({ level: 'warn', what: `copies of ${environment}`, found: concern, next });
  }
  return findings;
}

/** Environments whose newest backup is not in every second place, by the record; nothing outside is asked. */
export async function copyConcernsOf(
  { db }: Database,
  { service, environments, backups }: ServiceConfig,
): Promise<{ service: string; environment: string; concern: string }[]> {
  const places = (backups.copies ?? []).map((place) => place.name);
  if (places.length === 0) return [];
  const found: { service: string; environment: string; concern: string }[] = [];
  for (const environment of Object.keys(environments)) {
    const { newest, records } = await copyHistory(db, { service, environment });
    for (const { concern } of copyConcerns(newest, places, records)) found.push({ service, environment, concern });
  }
  return found;
}
