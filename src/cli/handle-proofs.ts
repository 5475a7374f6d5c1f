import { isVerificationLevel, RESTORE_LEVEL, type VerificationLevel } from '../core/backup/verification-level.ts';
import { problem } from '../core/release/problem.ts';
import { exitCode } from './exit-codes.ts';
import { brokenLines, missingLines } from './output/backup-trust-lines.ts';
import { drillLines, plannedDrillLines, verdictLines } from './output/proof-lines.ts';
import type { Session } from './session.ts';

/** The options of `backup verify` as typed. */
export interface VerifyOptions {
  level: string;
  store?: string;
}

export async function verify(session: Session, id: string | null, given: VerifyOptions): Promise<number> {
  const { findToVerify, verifyBackups } = await import('../app/verify-backups.ts');
  const { options, screen } = session;
  const app = await session.app();
  const level = levelOf(given.level);
  const wish = { environment: options.env, reference: id, level, store: given.store ?? null };
  if (options.dryRun) {
    const ids = await findToVerify(app, wish);
    if (screen.isJson) screen.json({ how: 'would', level, backups: ids.map((one) => ({ id: one })) });
    else screen.lines(ids.map((one) => `would verify ${one} at V${level}`));
    return exitCode('done');
  }
  const { backups, broken, missing } = await verifyBackups(app, wish);
  if (screen.isJson) screen.json({ backups, broken, missing });
  else {
    screen.lines(verdictLines(screen.style, backups, { level, isNamed: id !== null }));
    screen.lines([...brokenLines(screen.style, broken), ...missingLines(screen.style, missing)]);
  }
  if (backups.some((verdict) => verdict.outcome === 'fail')) return exitCode('failed');
  if (broken.length + missing.length > 0) return exitCode('tampering');
  return exitCode(backups.every((verdict) => verdict.outcome === 'pass') ? 'done' : 'failed');
}

function levelOf(text: string): VerificationLevel {
  const level = /^[vV]?\d$/.test(text) ? Number(text.replace(/^v/i, '')) : Number.NaN;
  if (isVerificationLevel(level)) return level;
  throw problem('usage', `there is no level ${JSON.stringify(text)}`, {
    where: '--level',
    next: 'Write 0 (sizes), 1 (hashes), 2 (the copies open), 3 (a restored copy is what was captured) or 4 (the version of then runs on it).',
  });
}

/** Never asks: it touches no live data, and a schedule has nobody to ask. */
export async function drill({ app, options, screen }: Session, given: { level?: string }): Promise<number> {
  const { drillBackups, planDrill } = await import('../app/drill-backups.ts');
  const wish = { environment: options.env, level: given.level === undefined ? null : drillLevelOf(given.level) };
  const opened = await app();
  if (options.dryRun) {
    const plan = await planDrill(opened, wish);
    if (screen.isJson) screen.json({ how: 'would', ...plan });
    else screen.lines(plannedDrillLines(plan));
    return exitCode('done');
  }
  const report = await drillBackups(opened, wish);
  if (screen.isJson) screen.json({ how: 'done', ...report });
  else screen.lines(drillLines(screen.style, report));
  return exitCode(report.backups.every((backup) => backup.outcome === 'pass') ? 'done' : 'failed');
}

/** A drill without a restore is none. */
function drillLevelOf(text: string): VerificationLevel {
  const level = levelOf(text);
  if (level >= RESTORE_LEVEL) return level;
  throw problem('usage', `a drill restores, and level ${level} does not`, {
    where: '--level',
    next: 'Write 3 (restored and compared) or 4 (the version of then is started on it, too).',
  });
}
