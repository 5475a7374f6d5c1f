import type { App } from '../app/app.ts';
import type { BackupSummary, RestoreWish } from '../app/manage-backups.ts';
import { describeBackup } from '../core/backup/describe-backup.ts';
import { problem } from '../core/release/problem.ts';
import { confirmLoss } from './ask-loss.ts';
import { exitCode } from './exit-codes.ts';
import { backupLine, backupTable, proofLines, restoreLines } from './output/backup-lines.ts';
import { keyLines, untrustedLines } from './output/backup-trust-lines.ts';
import { copyEnding } from './output/copy-lines.ts';
import { printable } from './output/printable.ts';
import type { Session } from './session.ts';

export async function create(session: Session, given: { reason: string }): Promise<number> {
  const reason = reasonOf(given.reason);
  const { createBackup, planBackup } = await import('../app/manage-backups.ts');
  // Before the backup: it may take an hour, in which somebody may install another version, whose files have other names.
  const { copyFailure, copyNew } = await import('../app/copy-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  if (options.dryRun) {
    const { plan, stores } = await planBackup(app, options.env);
    const what = `would back up ${stores.join(', ')} of ${plan.service} ${plan.environment}`;
    if (screen.isJson) screen.json({ how: 'would', service: plan.service, environment: plan.environment, stores });
    else screen.line(what);
    return exitCode('done');
  }
  const backup = await createBackup(app, options.env, reason);
  const copies = await copyNew(app, options.env, backup.id);
  if (screen.isJson) screen.json({ backup, copies });
  else screen.lines([...backupLine(backup), printable(describeBackup(backup)), ...copyEnding(screen.style, copies)]);
  const failure = copyFailure(copies, 'required');
  if (failure === null) return exitCode('done');
  if (screen.isJson) return exitCode('failed');
  throw failure;
}

function reasonOf(text: string): 'manual' | 'daily' {
  if (text === 'manual' || text === 'daily') return text;
  throw problem('usage', `no backup is taken for the reason ${JSON.stringify(text)}`, {
    where: '--reason',
    next: 'Write manual or daily; releases, rollbacks and restores name theirs.',
  });
}

export async function list(session: Session, given: { explain?: boolean; at?: string }): Promise<number> {
  if (given.at !== undefined) return (await import('./handle-copies.ts')).listAt(session, given.at);
  const { listBackups, listUntrusted } = await import('../app/list-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  const backups = await listBackups(app, options.env);
  const untrusted = await listUntrusted(app, options.env);
  if (screen.isJson) screen.json({ backups, untrusted });
  else {
    const shown = { nowMs: app.nowMs(), explain: given.explain === true };
    screen.lines([...backupTable(screen.style, backups, shown), ...untrustedLines(screen.style, untrusted)]);
  }
  return exitCode('done');
}

export async function show({ app, options, screen }: Session, id: string): Promise<number> {
  const { showBackup } = await import('../app/list-backups.ts');
  const opened = await app();
  const backup = await showBackup(opened, options.env, id);
  if (screen.isJson) screen.json({ backup });
  else screen.lines([...backupLine(backup), ...proofLines(backup, opened.nowMs())]);
  return exitCode('done');
}

/** Writes nothing of the identity but into the file. */
export async function makeKeys(session: Session, path: string): Promise<number> {
  const { screen, options } = session;
  if (options.dryRun) {
    if (screen.isJson) screen.json({ how: 'would', file: path });
    else screen.line(`would make a pair of keys and write the identity to ${printable(path)}`);
    return exitCode('done');
  }
  const { makeBackupKeys } = await import('../app/make-backup-keys.ts');
  const made = await makeBackupKeys(await session.app(), path);
  if (screen.isJson) screen.json({ how: 'done', ...made });
  else screen.lines(keyLines(made));
  return exitCode('done');
}

/** The options of `backup restore` as typed. */
export interface RestoreOptions {
  store: string[];
  into?: string;
  yesLoseDataSince?: string;
  /** false with --no-safety-backup. */
  safetyBackup?: boolean;
}

export async function restore(session: Session, id: string, given: RestoreOptions): Promise<number> {
  const { options, screen } = session;
  const app = await session.app();
  const wish = { environment: options.env, reference: id, stores: given.store };
  if (given.into !== undefined) return extract(session, app, wish, given.into);
  const { planRestore, restoreBackup } = await import('../app/manage-backups.ts');
  const wanted = await planRestore(app, wish);
  if (options.dryRun && screen.isJson) screen.json({ how: 'would', ...wanted });
  const safetyBackup = given.safetyBackup !== false;
  if (!screen.isJson) screen.lines(restoreLines(wanted, { nowMs: app.nowMs(), safetyBackup }));
  if (options.dryRun) return exitCode('done');
  const question = `Replace ${wanted.stores.join(', ')} of ${wanted.service} ${wanted.environment}?`;
  // The same command finishes what a killed one began: whoever typed it has said what may be lost.
  const isAccepted = wanted.finishes.length > 0 && given.yesLoseDataSince !== undefined;
  if (!isAccepted) await confirmLoss(session, { ...wanted, question, accepted: given.yesLoseDataSince ?? null });
  const done = await restoreBackup(app, wanted, { safetyBackup });
  if (screen.isJson) screen.json({ how: 'done', ...done });
  else screen.lines([`restored ${done.restored.id}`, keptWords(done.before)]);
  return exitCode('done');
}

function keptWords(before: BackupSummary | null): string {
  return before === null
    ? 'what was there before is kept aside, and not backed up: shipway backup discard'
    : `what was there before is backed up: ${before.id}`;
}

/** Never asks: nothing that is there is replaced. */
async function extract(session: Session, app: App, wish: RestoreWish, into: string): Promise<number> {
  const { extractBackup, planExtract } = await import('../app/extract-backup.ts');
  const { options, screen } = session;
  const done = options.dryRun ? await planExtract(app, wish, into) : await extractBackup(app, wish, into);
  const deed = options.dryRun ? 'would write' : 'wrote';
  if (screen.isJson) screen.json({ how: options.dryRun ? 'would' : 'done', ...done });
  else {
    const placeOf = (name: string): string => (done.kind === 'place' ? done.into : `${done.into}/${name}`);
    screen.lines(done.stores.map((name) => printable(`${deed} ${name} of ${done.backup.id} to ${placeOf(name)}`)));
    if (done.withContext) {
      const what = 'what belongs to no store (files of the way down, environment)';
      screen.line(printable(`${deed} ${what} of ${done.backup.id} to ${done.into}/_context`));
    }
    screen.line('the live data is not touched');
  }
  return exitCode('done');
}
