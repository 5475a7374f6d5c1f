import type { JsonObject } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Maintenance, MaintenanceReport, MaintenanceRequest } from '../maintenance.ts';
import { connectTo } from './client.ts';
import { countPoints, readPoints } from './content.ts';
import { chosenCollections, readAliases, readCollection } from './look.ts';
import type { QdrantSettings } from './settings.ts';

/** `check` reads every point with its vectors and looks at the status; the server optimizes by itself, so nothing else is offered. */
export function qdrantMaintenance(settings: QdrantSettings): Maintenance {
  return { acts: ['count', 'check'], run: (request, effect) => run(settings, request, effect) };
}

async function run(settings: QdrantSettings, { act }: MaintenanceRequest, effect: Effect): Promise<MaintenanceReport> {
  const kind = 'check-failed';
  const server = connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind }, effect);
  const collections = await chosenCollections(server, { settings, aliases: await readAliases(server), kind });
  const rows: JsonObject = {};
  const findings: string[] = [];
  for (const name of collections) {
    const facts = await readCollection(server, name);
    if (act === 'check' && facts?.status === 'red')
      findings.push(`${name} is red: an operation of the server failed in it`);
    const isRead = act === 'check' && facts?.status !== 'red';
    rows[name] = isRead ? (await readPoints(server, name, effect.signal)).points : await countPoints(server, name);
  }
  return { findings, figures: { rows } };
}
