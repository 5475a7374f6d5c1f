import type { Judgement } from '../../app/judge-migrations.ts';
import { countFindings } from '../../core/migration/judge-migration.ts';
import type { Finding } from '../../core/migration/migration.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** Every finding with its statement, why, and the safe way; then what it comes to. */
export function migrationLines(style: Style, judgements: readonly Judgement[]): string[] {
  const findings = judgements.flatMap((one) => one.findings);
  const lines = judgements.flatMap((one) =>
    one.findings.toSorted(byPlace).flatMap((finding) => findingLines(style, finding)),
  );
  const { errors, warnings, notes, allowed } = countFindings(findings);
  const statements = judgements.reduce((sum, one) => sum + one.statements, 0);
  const seen = `${counted(statements, 'statement')} in ${counted(judgements.length, 'migration')}`;
  if (findings.length === 0) return [`${style.good('ok')}  ${seen}: nothing unsafe found`];
  const parts = [
    ...(errors > 0 ? [style.bad(counted(errors, 'error'))] : []),
    ...(warnings > 0 ? [style.attention(counted(warnings, 'warning'))] : []),
    ...(notes > 0 ? [counted(notes, 'note')] : []),
    ...(allowed > 0 ? [`${allowed} allowed in the file`] : []),
  ];
  return [...lines, `${seen}: ${parts.join(', ')}`];
}

function byPlace(a: Finding, b: Finding): number {
  if (a.direction !== b.direction) return a.direction === 'up' ? -1 : 1;
  return a.line - b.line;
}

function findingLines(style: Style, finding: Finding): string[] {
  const { name, line, rule, statement, why, safeWay, allowed } = finding;
  const place = `${printable(name)}:${line}`;
  if (allowed !== null) return [style.faint(`${place}: allowed ${rule}: ${printable(allowed)}`), ''];
  return [
    `${style.strong(place)}: ${severityWord(style, finding)} ${rule}${finding.direction === 'down' ? ' (way down)' : ''}`,
    ...(statement === '' ? [] : [`    ${style.faint(printable(statement))}`]),
    `  why: ${printable(why)}`,
    '  safe way:',
    ...safeWay.split('\n').map((text) => `    ${printable(text)}`),
    '',
  ];
}

function severityWord(style: Style, { severity }: Finding): string {
  switch (severity) {
    case 'error':
      return style.bad('error');
    case 'warning':
      return style.attention('warning');
    case 'note':
      return 'note';
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
