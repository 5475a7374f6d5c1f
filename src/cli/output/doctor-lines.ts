import type { Finding } from '../../app/inspect-project.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** One line for each thing that was looked at, and below it what to do. */
export function doctorLines(style: Style, findings: readonly Finding[]): string[] {
  const width = Math.max(0, ...findings.map((finding) => finding.what.length));
  const paint = { ok: style.good, warn: style.attention, fail: style.bad };
  return findings.flatMap(({ level, what, found, next }) => {
    const [first = '', ...more] = found.split('\n');
    const indent = ' '.repeat(width + 8);
    return [
      `${paint[level](level.padEnd(4))}  ${what.padEnd(width)}  ${printable(first)}`,
      ...more.map((line) => `${indent}${printable(line)}`),
      ...(next === '' ? [] : [`${indent}next: ${printable(next)}`]),
    ];
  });
}
