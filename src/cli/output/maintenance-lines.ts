import type { Maintained } from '../../app/maintain-stores.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import type { Json } from '../../core/release/json.ts';
import { printable } from './printable.ts';
import { formatBytes } from '../../core/plan/format-bytes.ts';
import type { Style } from './style.ts';

/** One store: how it is, what was measured, and what is wrong. */
export function maintenanceLines(style: Style, { store, kind, seconds, findings, figures }: Maintained): string[] {
  const mark = findings.length === 0 ? style.good('ok  ') : style.bad('FAIL');
  return [
    `${mark}  ${printable(store)} (${kind}), ${formatDuration(seconds)}`,
    ...findings.map((finding) => style.attention(`      ${printable(finding)}`)),
    ...Object.entries(figures).flatMap(([name, value]) => figureLines(name, value)),
  ];
}

function figureLines(name: string, value: Json): string[] {
  if (Array.isArray(value))
    return value.map((line) => `      ${printable(typeof line === 'string' ? line : JSON.stringify(line))}`);
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).map(
      ([key, count]) => `      ${JSON.stringify(count).padStart(10)}  ${printable(key)}`,
    );
  }
  if (value === null) return [];
  return [`      ${LABELS[name] ?? name}: ${name.startsWith('bytes') ? formatBytes(Number(value)) : String(value)}`];
}

const LABELS: Record<string, string> = {
  bytesBefore: 'before',
  bytesAfter: 'after',
  deadRowsBefore: 'dead rows before',
  deadRowsAfter: 'dead rows after',
  pageChecksums: 'pages have checksums',
  indexesCompared: 'indexes compared with their tables',
};
