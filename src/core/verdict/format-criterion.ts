import { isCounted, type Comparison, type Criterion, type Quantity } from './criterion.ts';

const SIGNS: Record<Comparison, string> = { above: '>', 'at-least': '>=', below: '<', 'at-most': '<=' };

/** The comparison as a sign: `>`, `>=`, `<`, `<=`. */
export function formatComparison(comparison: Comparison): string {
  return SIGNS[comparison];
}

/** The quantity in the words of the manual, e.g. `p95 response time` or `queue_depth{queue="mail"}`. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.name === 'response time') return `p${tidy(quantity.quantile * 100)} response time`;
  if (quantity.name !== 'metric') return quantity.name;
  const labels = Object.entries(quantity.labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  const selector = labels.length === 0 ? '' : `{${labels.join(',')}}`;
  return `${quantity.metric}${quantity.per === null ? '' : ` per ${quantity.per}`}${selector}`;
}

/** A value in the unit of the quantity: shares as per cent, times in ms below a second, counts plain. */
export function formatValue(quantity: Quantity, value: number): string {
  switch (quantity.name) {
    case 'error rate':
    case 'uptime':
    case 'memory':
      return `${tidy(value * 100)}%`;
    case 'response time':
      return value < 1 ? `${tidy(value * 1000)} ms` : `${tidy(value)} s`;
    case 'failed health checks':
    case 'metric':
      return String(value);
  }
}

/** The criterion in the one spelling of the manual; parsing it again gives the same criterion. */
export function formatCriterion(criterion: Criterion): string {
  const { quantity, comparison, limit, windowSeconds } = criterion;
  const window = windowSeconds === 0 ? '' : ` ${isCounted(quantity) ? 'in' : 'for'} ${formatLength(windowSeconds)}`;
  return `${spelled(quantity)} ${SIGNS[comparison]} ${formatValue(quantity, limit)}${window}`;
}

// A metric called "memory", or nearly so, is told from the known quantity by its braces.
function spelled(quantity: Quantity): string {
  const words = formatQuantity(quantity);
  return quantity.name === 'metric' && /^[A-Za-z0-9]+$/.test(words) ? `${words}{}` : words;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function formatLength(seconds: number): string {
  if (seconds % 60 === 0) return seconds === 60 ? '1 minute' : `${seconds / 60} minutes`;
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}

function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
