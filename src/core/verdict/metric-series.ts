import type { MetricQuantity } from './criterion.ts';
import type { MetricReading } from './sample.ts';

/** Whether the series is meant: the name as written or with the `_total` of counters, and every label given. */
export function isSeriesOf(quantity: MetricQuantity, reading: MetricReading): boolean {
  if (reading.name !== quantity.metric && reading.name !== `${quantity.metric}_total`) return false;
  return Object.entries(quantity.labels).every(([name, value]) => reading.labels[name] === value);
}

/** What the series is judged together with: `{user="7"}` for `per user`, the empty text when all series are one. */
export function groupOf(quantity: MetricQuantity, reading: { labels: Record<string, string> }): string {
  return quantity.per === null ? '' : `{${quantity.per}=${JSON.stringify(reading.labels[quantity.per] ?? '')}}`;
}
