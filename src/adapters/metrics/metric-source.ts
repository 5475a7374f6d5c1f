import type { MetricReading } from '../../core/verdict/sample.ts';
import type { Effect } from '../../platform/effect.ts';

/** An instance of a component, and where it answers. */
export interface MetricInstance {
  id: string;
  /** Scheme, host and port, without a path. */
  base: string;
}

/**
 * Where a service's own numbers come from. Readings are raw: cumulative counters stay cumulative, nothing is averaged, so that a verdict
 * can be computed again from what was stored. A source that cannot be read throws a Problem; half an answer is no answer.
 */
export interface MetricSource {
  readonly kind: string;
  /** The readings of all instances, in the order given. */
  read(instances: MetricInstance[], effect: Effect): Promise<MetricReading[]>;
}
