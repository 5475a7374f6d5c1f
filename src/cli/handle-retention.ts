import { problem } from '../core/release/problem.ts';
import { formatBytes } from '../core/plan/format-bytes.ts';
import { confirm } from './ask.ts';
import { exitCode } from './exit-codes.ts';
import { prunedPlaceLines } from './output/copy-lines.ts';
import { pruneLines, replacedTable } from './output/retention-lines.ts';
import type { Session } from './session.ts';

/** Never asks: what it prunes can be taken back for a day, and a schedule has nobody to ask. */
export async function prune(session: Session, given: { explain?: boolean }): Promise<number> {
  const { placeProblem, planPrune, pruneBackups, stoppedProblem } = await import('../app/prune-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  const { dryRun } = options;
  const report = dryRun ? await planPrune(app, options.env) : await pruneBackups(app, options.env);
  const stopped = stoppedProblem(report) ?? placeProblem(report);
  if (screen.isJson) screen.json({ how: dryRun ? 'would' : 'done', ...report });
  else {
    const shown = { explain: given.explain === true, dryRun };
    screen.lines([...pruneLines(screen.style, report, shown), ...prunedPlaceLines(screen.style, report.places, shown)]);
  }
  if (stopped === null) return exitCode('done');
  if (screen.isJson) return exitCode(stoppedProblem(report) === null ? 'failed' : 'refused');
  throw stopped;
}

export async function pin(session: Session, reference: string, reason: string): Promise<number> {
  const { findToPin, pinBackup } = await import('../app/pin-backup.ts');
  const { options, screen } = session;
  const app = await session.app();
  const wish = { environment: options.env, reference, reason };
  const found = options.dryRun ? await findToPin(app, wish) : await pinBackup(app, wish);
  if (screen.isJson) screen.json({ how: options.dryRun ? 'would' : 'done', ...found });
  else {
    const back = found.recovered ? ' and taken out of the trash' : '';
    screen.line(options.dryRun ? `would pin ${found.id}` : `${found.id} is pinned${back}; it stays until backup unpin`);
  }
  return exitCode('done');
}

export async function unpin(session: Session, reference: string, reason: string | null): Promise<number> {
  const { findPinOf, unpinBackup } = await import('../app/pin-backup.ts');
  const { options, screen } = session;
  const app = await session.app();
  const wish = { environment: options.env, reference, reason };
  const found = await findPinOf(app, wish);
  if (options.dryRun) {
    if (screen.isJson) screen.json({ how: 'would', id: found.id });
    else screen.line(`would unpin ${found.id}, pinned for: ${found.reason}`);
    return exitCode('done');
  }
  await confirm(session, `Unpin ${found.id}, pinned for: ${found.reason}?`);
  const { id } = await unpinBackup(app, wish);
  if (screen.isJson) screen.json({ how: 'done', id });
  else screen.line(`${id} is not pinned any more; the policy decides`);
  return exitCode('done');
}

export async function discard(session: Session, what: string | null, given: { all?: boolean }): Promise<number> {
  const { discardReplaced, listReplaced, planDiscard } = await import('../app/discard-replaced.ts');
  const { options, screen } = session;
  if (what !== null && given.all === true) {
    throw problem('usage', '--all and a name contradict each other', { next: 'Write one of the two.' });
  }
  const app = await session.app();
  if (what === null && given.all !== true) {
    const replaced = await listReplaced(app, options.env);
    if (screen.isJson) screen.json({ replaced });
    else screen.lines(replacedTable(screen.style, replaced, app.nowMs()));
    return exitCode('done');
  }
  const meant = await planDiscard(app, options.env, what);
  const size = formatBytes(meant.reduce((sum, one) => sum + one.bytes, 0));
  const places = meant.map((one) => one.place).join(', ');
  if (options.dryRun || meant.length === 0) {
    if (screen.isJson) screen.json({ how: 'would', replaced: meant });
    else screen.line(meant.length === 0 ? 'nothing to discard' : `would delete ${size}: ${places}`);
    return exitCode('done');
  }
  await confirm(session, `Delete ${size} for good: ${places}?`);
  const replaced = await discardReplaced(app, options.env, meant);
  if (screen.isJson) screen.json({ how: 'done', replaced });
  else screen.lines(replaced.map((one) => `deleted ${one.place} (${formatBytes(one.bytes)})`));
  return exitCode('done');
}
