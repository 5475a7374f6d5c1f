import type { App } from '../app/app.ts';
import type { RollBackMeaning, RollBackWish } from '../app/roll-back.ts';
import type { DataWayName } from '../core/plan/data-way.ts';
import { confirm } from './ask.ts';
import { confirmLoss } from './ask-loss.ts';
import { follow } from './follow.ts';
import { printPlan } from './release-version.ts';
import type { Session } from './session.ts';
import { sayWayBack } from './steer.ts';

/** The options of `shipway rollback` as typed. */
export interface RollbackOptions {
  to?: string;
  revision?: string;
  backup?: string;
  data?: DataWayName;
  full?: boolean;
  keepEnvironment?: boolean;
  returnEnvironment?: boolean;
  /** true with --safety-backup, false with --no-safety-backup. */
  safetyBackup?: boolean;
  yesLoseDataSince?: string;
  reason: string;
  detach?: boolean;
}

/** Shows what rolling back means now, asks, does it, and follows it. */
export async function goBack(session: Session, given: RollbackOptions): Promise<number> {
  const { meaningOfRollBack, rollBack } = await import('../app/roll-back.ts');
  const app = await session.app();
  const typed = wishOf(session, given);
  const first = await meaningOfRollBack(app, typed);
  const wish = { ...typed, ...(await askEnvFile(session, typed, first)) };
  // What a person says of the env file is part of the plan.
  const meaning = wish.envFile === typed.envFile ? first : await meaningOfRollBack(app, wish);
  if (session.options.dryRun) {
    return meaning.how === 'plan'
      ? dryRun(session, app, meaning)
      : sayWayBack(session, app, meaning.release.id, meaning.data);
  }
  if (meaning.how === 'plan' && meaning.view.refusal !== null) throw meaning.view.refusal;
  await ask(session, app, meaning, given.yesLoseDataSince ?? null);
  const id = await rollBack(app, wish, meaning);
  const detach = given.detach === true;
  // A release that is turned around before it changed anything ends as asked. A rollback of its own that stopped has taken nothing back.
  return follow(session, meaning.how === 'turn-around' ? { id, detach, endings: 'as asked' } : { id, detach });
}

function wishOf(session: Session, given: RollbackOptions): RollBackWish {
  const { data, backup, revision } = given;
  const isFull = given.full === true || backup !== undefined || revision !== undefined || data !== undefined;
  return {
    environment: session.options.env,
    to: given.to ?? null,
    revision: revision ?? null,
    backup: backup ?? null,
    data: data ?? null,
    depth: isFull ? 'full' : 'quick',
    reason: given.reason,
    ...envFileOf(given),
    ...(given.safetyBackup === undefined ? {} : { safetyBackup: given.safetyBackup }),
  };
}

function envFileOf({ keepEnvironment, returnEnvironment }: RollbackOptions): Pick<RollBackWish, 'envFile'> {
  if (keepEnvironment === true) return { envFile: 'keep' };
  return returnEnvironment === true ? { envFile: 'return' } : {};
}

/** Only where it makes a difference, and only a person; for everybody else the plan says that the file stays. */
async function askEnvFile(
  session: Session,
  wish: RollBackWish,
  meaning: RollBackMeaning,
): Promise<Pick<RollBackWish, 'envFile'>> {
  if (meaning.how !== 'plan' || wish.envFile !== undefined || session.options.dryRun) return {};
  if (meaning.view.refusal !== null) return {};
  const { changedEnvFile } = await import('../core/plan/environment-steps.ts');
  const changed = changedEnvFile(meaning.view.plan.version.number, meaning.view.facts);
  if (changed === null) return {};
  const { askChangedEnvFile } = await import('./ask-env-file.ts');
  const answer = await askChangedEnvFile(session, changed);
  return answer === null ? {} : { envFile: answer };
}

/** The plan, with what it would cost now: whoever reads it decides whether to confirm it. */
async function dryRun(session: Session, app: App, meaning: Extract<RollBackMeaning, { how: 'plan' }>): Promise<number> {
  const { lossOfRollBack } = await import('../app/manage-backups.ts');
  const { loss } = await lossOfRollBack(app, meaning.view.plan);
  const code = await printPlan(session, { ...meaning.view, loss });
  if (session.screen.isJson) return code;
  const { lossOfPlanLines } = await import('./output/rollback-lines.ts');
  session.screen.lines(lossOfPlanLines(meaning.view.plan, loss));
  return code;
}

/** From where to where and what it costs, counted now; then the question that fits. */
async function ask(session: Session, app: App, meaning: RollBackMeaning, accepted: string | null): Promise<void> {
  if (meaning.how === 'turn-around') return askTurnAround(session, app, meaning, accepted);
  const { rollBackLines } = await import('./output/rollback-lines.ts');
  const { lossOfRollBack } = await import('../app/manage-backups.ts');
  const { plan } = meaning.view;
  const { loss, isProduction } = await lossOfRollBack(app, plan);
  if (!session.screen.isJson) session.screen.lines(rollBackLines(plan, loss, app.nowMs()));
  const question = `Go back from ${plan.previous?.version ?? 'nothing'} to ${plan.version.number} in ${plan.environment}?`;
  // Where the data is left alone, the plain question is enough, wherever it is.
  if (plan.data?.way === 'leave') return confirm(session, question);
  await confirmLoss(session, { question, service: plan.service, loss, isProduction, accepted });
}

async function askTurnAround(
  session: Session,
  app: App,
  meaning: Extract<RollBackMeaning, { how: 'turn-around' }>,
  accepted: string | null,
): Promise<void> {
  const { turnAroundLines, olderDataLines } = await import('./output/rollback-lines.ts');
  const { showWayBack } = await import('../app/show-way-back.ts');
  const { release, data } = meaning;
  const { plan } = await showWayBack(app, release.id, 'asked for by a person', data);
  if (!session.screen.isJson) session.screen.lines(turnAroundLines(meaning, plan));
  const question = `Stop ${release.id} and take it back${data === null ? '' : ' with the data of before'}?`;
  if (data === null) {
    const { lossOfWayBack } = await import('../app/manage-backups.ts');
    const { downLines } = await import('./output/rollback-lines.ts');
    if (!session.screen.isJson) session.screen.lines(downLines(await lossOfWayBack(app, release, plan)));
    return confirm(session, question);
  }
  const { lossOfTurnAround } = await import('../app/manage-backups.ts');
  const { loss, backup, isProduction } = await lossOfTurnAround(app, release);
  if (!session.screen.isJson) session.screen.lines(olderDataLines({ wayBack: plan, data }, backup, loss, app.nowMs()));
  await confirmLoss(session, { question, service: release.service, loss, isProduction, accepted });
}
