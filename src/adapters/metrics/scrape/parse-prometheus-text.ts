import type { MetricReading } from '../../../core/verdict/sample.ts';

export interface TextFault {
  /** From 1. */
  line: number;
  message: string;
}

type MetricType = MetricReading['type'];

const TYPES: readonly string[] = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
// The lines of a histogram or summary carry the family's name with one of these behind it.
const SUFFIXES = ['_bucket', '_sum', '_count'];
const NAME = /[A-Za-z_:][A-Za-z0-9_:]*/y;
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*/y;
const VALUE = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const TIMESTAMP = /^-?\d+$/;
const SHOWN_LENGTH_MAX = 80; // a line in a message; some exporters put thousands of characters into one

/**
 * Reads Prometheus text, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Timestamps are read and dropped: the time
 * of a sample is ours. The first line that cannot be read is a fault, because a half-read page would look like counters that reset.
 */
export function parsePrometheusText(
  text: string,
  instance: string,
): { readings: MetricReading[] } | { fault: TextFault } {
  const types = new Map<string, MetricType>();
  const readings: MetricReading[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    const fault = (message: string) => ({ fault: { line: index + 1, message: `${message}: ${shortened(line)}` } });
    if (line.startsWith('#')) {
      const message = readComment(line, types);
      if (message !== null) return fault(message);
      continue;
    }
    const reading = readSample(line);
    if (typeof reading === 'string') return fault(reading);
    readings.push({ instance, type: typeOf(reading.name, types), ...reading });
  }
  return { readings };
}

/** TYPE lines are kept; HELP and free comments say nothing to a program. */
function readComment(line: string, types: Map<string, MetricType>): string | null {
  const [, keyword, name, type] = line.split(/\s+/);
  if (keyword !== 'TYPE') return null;
  if (name === undefined || type === undefined) return 'a TYPE line names no metric or no type';
  if (!TYPES.includes(type.toLowerCase())) return `"${type}" is not a type of metric`;
  types.set(name, type.toLowerCase() as MetricType);
  return null;
}

type Line = Pick<MetricReading, 'name' | 'labels' | 'value'>;

function readSample(line: string): Line | string {
  NAME.lastIndex = 0;
  const name = NAME.exec(line)?.[0];
  if (name === undefined) return 'this does not begin with the name of a metric';
  const rest = line.slice(name.length);
  const labelled = rest.trimStart().startsWith('{') ? readLabels(rest.trimStart()) : { labels: {}, rest };
  if (typeof labelled === 'string') return labelled;
  const [value, timestamp, ...more] = labelled.rest.trim().split(/\s+/);
  if (value === undefined || value === '') return 'the value is missing';
  const number = numberOf(value);
  if (number === null) return `"${shortened(value)}" is not a number`;
  if (timestamp !== undefined && !TIMESTAMP.test(timestamp)) return `"${shortened(timestamp)}" is not a timestamp`;
  if (more.length > 0) return 'there is more than a value and a timestamp';
  return { name, labels: labelled.labels, value: number };
}

function readLabels(text: string): { labels: Record<string, string>; rest: string } | string {
  const labels: [string, string][] = [];
  let at = 1;
  for (;;) {
    const close = /\s*\}/y;
    close.lastIndex = at;
    if (close.test(text)) return { labels: Object.fromEntries(labels), rest: text.slice(close.lastIndex) };
    LABEL.lastIndex = at;
    const found = LABEL.exec(text);
    if (!found) return 'the labels are not closed, or one is not name="value"';
    const [, name = '', value = ''] = found;
    if (labels.some(([known]) => known === name)) return `the label ${name} is there twice`;
    labels.push([name, unescaped(value)]);
    at = LABEL.lastIndex;
    if (text[at] === ',') at++;
    else if (text[at] !== '}') return 'a comma is missing between two labels';
  }
}

function unescaped(value: string): string {
  return value.replaceAll(/\\(.)/g, (written, sign: string) => ({ n: '\n', '\\': '\\', '"': '"' })[sign] ?? written);
}

function numberOf(text: string): number | null {
  const word = text.toLowerCase();
  if (word === 'nan') return Number.NaN;
  if (['+inf', 'inf', '+infinity', 'infinity'].includes(word)) return Number.POSITIVE_INFINITY;
  if (['-inf', '-infinity'].includes(word)) return Number.NEGATIVE_INFINITY;
  return VALUE.test(text) ? Number(text) : null;
}

function typeOf(name: string, types: Map<string, MetricType>): MetricType {
  const own = types.get(name);
  if (own !== undefined) return own;
  const suffix = SUFFIXES.find((one) => name.endsWith(one));
  const family = suffix === undefined ? undefined : types.get(name.slice(0, -suffix.length));
  return family === 'histogram' || family === 'summary' ? family : 'untyped';
}

function shortened(text: string): string {
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}
