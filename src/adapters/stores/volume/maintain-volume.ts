import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Maintenance, MaintenanceReport } from '../maintenance.ts';
import { imageFor, volumeFacts } from './containers.ts';
import type { VolumeStore } from './docker.ts';
import { listVolume, withWorkbench, workFolder } from './workbench.ts';
import { countersOf } from './volume-entries.ts';

/** Both acts read every file; what the disk cannot give back is the only damage that can be told without knowing the data. */
export function volumeMaintenance(store: VolumeStore): Maintenance {
  return { acts: ['count', 'check'], run: (_request, effect) => readAll(store, effect) };
}

async function readAll(store: VolumeStore, effect: Effect): Promise<MaintenanceReport> {
  const { name } = store.settings;
  const kind = 'check-failed';
  if ((await volumeFacts(store, name, kind, effect)) === null) {
    throw problem(kind, `there is no volume ${name}`, { where: `docker volume ${name}`, next: 'Correct its name.' });
  }
  const order = { store, image: await imageFor(store, kind, effect), kind, folder: workFolder(effect) } as const;
  const entries = await withWorkbench(order, effect, (bench, within) => listVolume(bench, name, within));
  return { findings: [], figures: countersOf(entries) };
}
