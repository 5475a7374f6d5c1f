import type { MaintenanceWish } from '../app/maintain-stores.ts';
import { exitCode } from './exit-codes.ts';
import { maintenanceLines } from './output/maintenance-lines.ts';
import type { Session } from './session.ts';

export async function maintain(session: Session, given: Omit<MaintenanceWish, 'environment'>): Promise<number> {
  const { maintainStores, planMaintenance } = await import('../app/maintain-stores.ts');
  const { options, screen } = session;
  const app = await session.app();
  const wish = { ...given, environment: options.env };
  if (options.dryRun) {
    const stores = await planMaintenance(app, wish);
    if (screen.isJson) screen.json({ how: 'would', act: wish.act, stores });
    else screen.lines(stores.map(({ store, kind }) => `would ${wish.act} ${store} (${kind})`));
    return exitCode('done');
  }
  const done = await maintainStores(app, wish);
  if (screen.isJson) screen.json({ how: 'done', act: wish.act, stores: done });
  else screen.lines(done.flatMap((one) => maintenanceLines(screen.style, one)));
  return exitCode(done.every(({ findings }) => findings.length === 0) ? 'done' : 'failed');
}
