import type { RollBackMeaning, RollBackWish } from '../app/roll-back.ts';
import type { App } from '../app/app.ts';
import { confirm } from './ask.ts';
import { follow } from './follow.ts';
import { printPlan } from './release-version.ts';
import type { Session } from './session.ts';
import { sayWayBack } from './steer.ts';

/** The options of `shipway rollback` as typed. */
export interface RollbackOptions {
  to?: string;
  backup?: string;
  full?: boolean;
  reason: string;
  detach?: boolean;
}

/** Shows what rolling back means now, asks, does it, and follows it. */
export async function goBack(session: Session, given: RollbackOptions): Promise<number> {
  const { meaningOfRollBack, rollBack } = await import('../app/roll-back.ts');
  const app = await session.app();
  const wish: RollBackWish = {
    environment: session.options.env,
    to: given.to ?? null,
    backup: given.backup ?? null,
    depth: given.full === true || given.backup !== undefined ? 'full' : 'quick',
    reason: given.reason,
  };
  const meaning = await meaningOfRollBack(app, wish);
  if (session.options.dryRun) {
    return meaning.how === 'plan' ? printPlan(session, meaning.view) : sayWayBack(session, app, meaning.release.id);
  }
  if (meaning.how === 'plan' && meaning.view.refusal !== null) throw meaning.view.refusal;
  if (!session.screen.isJson) session.screen.lines(await explain(app, meaning, wish));
  await confirm(session, questionOf(meaning));
  const id = await rollBack(app, wish, meaning);
  const detach = given.detach === true;
  // A release that is turned around before it changed anything ends as asked. A rollback of its own that stopped has taken nothing back.
  return follow(session, meaning.how === 'turn-around' ? { id, detach, endings: 'as asked' } : { id, detach });
}

/** From where to where and what it costs; for a rollback with data that is counted now. */
async function explain(app: App, meaning: RollBackMeaning, wish: RollBackWish): Promise<string[]> {
  const { backupMeant, rollBackLines } = await import('./output/rollback-lines.ts');
  if (meaning.how === 'turn-around' || wish.depth === 'quick') {
    return rollBackLines(meaning, wish, { nowMs: app.nowMs(), loss: [] });
  }
  const { lossOfRestore } = await import('../app/manage-backups.ts');
  const loss = await lossOfRestore(app, wish.environment, backupMeant(meaning, wish));
  return rollBackLines(meaning, wish, { nowMs: app.nowMs(), loss });
}

function questionOf(meaning: RollBackMeaning): string {
  if (meaning.how === 'turn-around') return `Stop ${meaning.release.id} and take it back?`;
  const { plan } = meaning.view;
  return `Go back from ${plan.previous?.version ?? 'nothing'} to ${plan.version.number} in ${plan.environment}?`;
}
