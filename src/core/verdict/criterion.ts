/** What a criterion does when it is breached. */
export type CriterionAction = 'roll-back' | 'pause' | 'warn';

/** What is measured. Error rate, failed health checks, uptime, response times and memory are known by name; any other word is a metric's own name. */
export type Quantity =
  | { name: 'error rate' }
  | { name: 'failed health checks' }
  | { name: 'uptime' }
  | { name: 'response time'; quantile: number }
  | { name: 'memory' }
  | MetricQuantity;

/** A metric of the service's own, summed over its series. */
export interface MetricQuantity {
  name: 'metric';
  /** As the service spells it; a counter is also found with `_total` behind the name. */
  metric: string;
  /** Only series with exactly these labels count; empty means all. */
  labels: Record<string, string>;
  /** `value`: the gauge as it stands. `increase`: by how much the counter grew inside the window. */
  reading: 'value' | 'increase';
  /** A label by which series are judged apart (`per user`): the worst one counts. null means all together. */
  per: string | null;
}

/** On which side of the limit the breach lies; `at-least` and `at-most` include the limit itself. */
export type Comparison = 'above' | 'at-least' | 'below' | 'at-most';

/** Whether the breach lies above the limit. */
export function isCeiling(comparison: Comparison): boolean {
  return comparison === 'above' || comparison === 'at-least';
}

/** Whether it is counted `in` a time; everything else lasts `for` one. */
export function isCounted(quantity: Quantity): boolean {
  return quantity.name === 'failed health checks' || (quantity.name === 'metric' && quantity.reading === 'increase');
}

/** A limit over a window during the watch, parsed from the words of a release document. */
export interface Criterion {
  /** The words as written; shown wherever the criterion is. */
  text: string;
  quantity: Quantity;
  comparison: Comparison;
  /** Rates and shares as a fraction (1 % = 0.01), times in seconds, counts as they are. */
  limit: number;
  /** Length of the window; 0 means the newest sample alone. */
  windowSeconds: number;
  action: CriterionAction;
}

/** Whether a breach is certain before the window is over: what has been counted stays counted, what was not may still come. */
export function mayFailEarly({ quantity, comparison }: Pick<Criterion, 'quantity' | 'comparison'>): boolean {
  return isCounted(quantity) && isCeiling(comparison);
}
