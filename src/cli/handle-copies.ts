import { copyFailure } from '../app/copy-backups.ts';
import { exitCode } from './exit-codes.ts';
import { copyLines, plannedCopyLines, thereTable, whatWouldCome } from './output/copy-lines.ts';
import type { Session } from './session.ts';

/** Never asks: nothing that is there is replaced. */
export async function copy(session: Session, id: string | null, given: { to?: string }): Promise<number> {
  const { copyBackups, planCopies } = await import('../app/copy-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  const wish = { environment: options.env, reference: id, place: given.to ?? null };
  if (options.dryRun) {
    const places = await planCopies(app, wish);
    if (screen.isJson) screen.json({ how: 'would', places });
    else screen.lines(plannedCopyLines(places));
    return exitCode('done');
  }
  const deeds = await copyBackups(app, wish);
  const failure = copyFailure(deeds, 'any');
  if (screen.isJson) screen.json({ how: 'done', copies: deeds });
  else screen.lines(copyLines(screen.style, deeds));
  if (failure === null) return exitCode('done');
  if (screen.isJson) return exitCode('failed');
  throw failure;
}

/** Never asks: nothing that is there is replaced. */
export async function bringBack(session: Session, id: string, given: { from: string }): Promise<number> {
  const { fetchBackup, planFetch } = await import('../app/copy-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  const wish = { environment: options.env, reference: id, place: given.from };
  if (options.dryRun) {
    const there = await planFetch(app, wish);
    if (screen.isJson) screen.json({ how: 'would', backup: there });
    else screen.lines(whatWouldCome(there, given.from));
    return exitCode('done');
  }
  const backup = await fetchBackup(app, wish);
  if (screen.isJson) screen.json({ how: 'done', backup });
  else {
    screen.lines([
      `fetched ${backup.id} from ${given.from}: signature and every stored byte checked`,
      `next: shipway backup verify ${backup.id}`,
    ]);
  }
  return exitCode('done');
}

/** What lies in a second place; asks the place, not our memory. */
export async function listAt(session: Session, place: string): Promise<number> {
  const { listThere } = await import('../app/copy-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  const there = await listThere(app, options.env, place);
  if (screen.isJson) screen.json({ place, ...there });
  else screen.lines(thereTable(screen.style, there, { place, nowMs: app.nowMs() }));
  return exitCode('done');
}
