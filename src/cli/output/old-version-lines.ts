import { formatDuration } from '../../core/plan/format-duration.ts';
import type { OldVersionReport } from '../../core/rehearsal/old-version.ts';
import { printable } from './printable.ts';

/** Whether the version before still served: its statements, those that were only planned, and the version itself. */
export function oldVersionLines(report: OldVersionReport | null): string[] {
  if (report === null) return [];
  const said = [...triedClauses(report), ...plannedClauses(report), ...startedClauses(report)];
  const head = `old ${report.version ?? 'version'}`.padEnd(10);
  return said.map((clause, index) => printable(`${index === 0 ? head : ' '.repeat(10)} ${clause}`));
}

function triedClauses({ statements }: OldVersionReport): string[] {
  const tried = statements.filter((one) => one.stallMs !== null || (one.source === 'declared' && one.during === 0));
  if (tried.length === 0) return [];
  const failed = tried.filter((one) => one.failed > 0).length;
  const during = tried.reduce((sum, one) => sum + one.during, 0);
  const stalls = tried.flatMap((one) => (one.stallMs === null ? [] : [one.stallMs]));
  const when = stalls.length === 0 ? 'after up' : `${during} times while up ran, and after it`;
  const waited = stalls.length === 0 ? '' : `; the longest waited ${formatDuration(Math.max(...stalls) / 1000)}`;
  return [`${countOf(tried.length)} tried ${when}: ${failed === 0 ? 'none failed' : `${failed} failed`}${waited}`];
}

function plannedClauses({ planned, isCounted }: OldVersionReport): string[] {
  if (planned === null || planned.count === 0) return [];
  const whose = isCounted ? ', those of the live server among them' : '';
  const failed = planned.failed === 0 ? 'all can be' : `${planned.failed} no longer can be`;
  return [`${countOf(planned.count)} planned on the new schema${whose}: ${failed}`];
}

function startedClauses({ started }: OldVersionReport): string[] {
  if (started === null) return [];
  const [first = ''] = started.sentence.split('\n');
  return [started.outcome === 'pass' ? first : `started on the copy: ${started.outcome}`];
}

const countOf = (count: number): string => `${count} ${count === 1 ? 'statement' : 'statements'}`;
