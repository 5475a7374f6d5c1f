import { formatDuration } from '../../core/plan/format-duration.ts';
import type { LockReport } from '../../core/rehearsal/lock-tally.ts';
import type { Rehearsal, RehearsalFinding } from '../../core/rehearsal/rehearsal.ts';
import { oldVersionLines } from './old-version-lines.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { age } from './times.ts';

const LOCKS_SHOWN = 10; // the longest come first; nobody reads more

/** One line: what would be tried, and on what. */
export function plannedLines(wanted: {
  service: string;
  environment: string;
  version: string;
  revision: string;
  store: string;
  backup: string;
}): string {
  const { service, environment, version, revision, store, backup } = wanted;
  return printable(
    `would try the migration of ${service} ${version} (${environment}, from revision ${revision}) on ${store} of ${backup}`,
  );
}

/** What was tried, how long it took, who was kept waiting, what was found, and what it comes to. */
export function rehearsalLines(style: Style, rehearsal: Rehearsal, nowMs: number): string[] {
  const { backup, store, revisionBefore, revisionAfter, locks, findings } = rehearsal;
  const taken = `${backup.id}, taken ${age(backup.createdAt, nowMs)} ago`;
  return [
    `data       ${printable(store.name)} of ${taken}`,
    `revision   ${printable(`${revisionBefore} -> ${revisionAfter ?? 'not reached'}`)}`,
    `took       ${timesOf(rehearsal)}`,
    ...lockLines('up', locks.up),
    ...lockLines('down', locks.down),
    ...oldVersionLines(rehearsal.oldVersion),
    ...findings.flatMap((finding) => findingLines(style, finding)),
    endLine(style, rehearsal),
  ];
}

function timesOf({ restoreMs, tookMs }: Rehearsal): string {
  const shown = (name: string, ms: number | undefined): string[] =>
    ms === undefined ? [] : [`${name} ${formatDuration(ms / 1000)}`];
  const parts = [
    ...shown('restore', restoreMs),
    ...shown('up', tookMs.up),
    ...shown('down', tookMs.down),
    ...shown('up again', tookMs.again),
  ];
  return parts.join(', ');
}

function lockLines(direction: 'up' | 'down', report: LockReport | null): string[] {
  if (report === null) return [];
  const stall =
    report.stall === null
      ? 'nobody had to wait'
      : `a query of somebody else on ${report.stall.table} waited ${formatMs(report.stall.ms)}`;
  const locks = report.locks.slice(0, LOCKS_SHOWN).map(({ table, mode, lockedOut, longestMs }) => {
    const who = lockedOut === 'everybody' ? 'reads and writes' : 'writes';
    return `           ${table}: ${mode} for ${formatMs(longestMs)}, which keeps ${who} waiting`;
  });
  return [`locks ${direction.padEnd(5)}${stall} (${report.looks} looks)`, ...locks].map(printable);
}

function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : formatDuration(ms / 1000);
}

function findingLines(style: Style, { severity, kind, sentence }: RehearsalFinding): string[] {
  const [first = '', ...rest] = sentence.split('\n');
  return [
    `${severityWord(style, severity)} ${kind}: ${printable(first)}`,
    ...rest.map((line) => `  ${printable(line)}`),
  ];
}

function severityWord(style: Style, severity: RehearsalFinding['severity']): string {
  switch (severity) {
    case 'failure':
      return style.bad('failure');
    case 'unknown':
      return style.attention('unknown');
    case 'warning':
      return style.attention('warning');
    case 'note':
      return 'note';
  }
}

function endLine(style: Style, { outcome, version, environment }: Rehearsal): string {
  switch (outcome) {
    case 'passed':
      return `${style.good('passed')}     the migration of ${version} may be released to ${environment}; the copy is removed`;
    case 'failed':
      return `${style.bad('FAILED')}     the migration of ${version} is not fit for ${environment}; the copy is removed`;
    case 'could-not-measure':
      return `${style.attention('not told')}   something could not be found out, which does not count as passed; the copy is removed`;
  }
}
