import type { MaintenanceAct, MaintenanceReport } from '../adapters/stores/maintenance.ts';
import type { Store } from '../adapters/stores/store.ts';
import { problem } from '../core/release/problem.ts';
import { journalBackups } from '../state/backup-record.ts';
import { personActor } from '../state/releases.ts';
import type { App } from './app.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

export interface MaintenanceWish {
  environment: string | null;
  act: MaintenanceAct;
  /** Null: every store that can. */
  store: string | null;
  /** For `explain`. */
  query: string | null;
}

/** What was done to one store, and how it is. */
export interface Maintained extends MaintenanceReport {
  store: string;
  kind: string;
  seconds: number;
}

/** Does one act on the live data of a store, or of all that know it, and leaves the result of each in the journal. */
export async function maintainStores(app: App, wish: MaintenanceWish): Promise<Maintained[]> {
  const opened = await openBackups(app, wish.environment);
  const chosen = choose(opened, wish);
  const { db } = await app.database();
  const { service, environment } = opened.plan;
  const done: Maintained[] = [];
  for (const { name, store } of chosen) {
    const beganMs = app.nowMs();
    const report = await store.maintenance?.run({ act: wish.act, query: wish.query }, opened.effect);
    if (report === undefined) continue;
    const seconds = (app.nowMs() - beganMs) / 1000;
    const { findings, figures } = report;
    const data = { store: name, act: wish.act, passed: findings.length === 0, findings, figures, seconds };
    const actor = personActor(app.person);
    await journalBackups(db, [{ type: 'store.maintained', release: null, service, environment, actor, data }]);
    done.push({ store: name, kind: store.kind, seconds, ...report });
  }
  return done;
}

/** The stores the act would be done to; the same refusals as doing it. */
export async function planMaintenance(app: App, wish: MaintenanceWish): Promise<{ store: string; kind: string }[]> {
  const chosen = choose(await openBackups(app, wish.environment), wish);
  return chosen.map(({ name, store }) => ({ store: name, kind: store.kind }));
}

function choose(opened: OpenBackups, { act, store: wanted }: MaintenanceWish): { name: string; store: Store }[] {
  const all = opened.stores(opened.plan);
  const able = all.filter(({ store }) => store.maintenance?.acts.includes(act) === true);
  const named = wanted === null ? able : all.filter(({ name }) => name === wanted);
  const next = able.length === 0 ? 'Declare a store that can.' : `It can: ${able.map(({ name }) => name).join(', ')}`;
  if (wanted !== null && named.length === 0) {
    throw problem('usage', `there is no store ${wanted}`, { where: 'stores', next: `There is: ${namesOf(all)}` });
  }
  if (named.length > 0 && named.every((one) => able.includes(one))) return named;
  const what = wanted === null ? 'no store of this service' : `${wanted} (${named[0]?.store.kind ?? ''})`;
  throw problem('usage', `${act} cannot be done by ${what}`, { where: 'stores', next });
}

function namesOf(stores: readonly { name: string }[]): string {
  return stores.map(({ name }) => name).join(', ') || 'none; declare stores: in the release file';
}
