import type { MetricQuantity } from './criterion.ts';
import { counterIncreases, hasMetrics, sumOf, whyNoMetrics, type Increase } from './counter-increases.ts';
import { doubtAboutSamples, type Doubt, type Measurement } from './measurement.ts';
import { groupOf, isSeriesOf } from './metric-series.ts';
import type { Window } from './window.ts';

/** By how much the counter grew inside the window: over all series, or in the group where it grew most. */
export function measureIncrease(window: Window, quantity: MetricQuantity): Measurement {
  const increases = counterIncreases(window, (reading) => isSeriesOf(quantity, reading));
  const groups = new Map<string, Increase[]>();
  for (const increase of increases) {
    const group = groupOf(quantity, increase);
    const list = groups.get(group);
    if (list) list.push(increase);
    else groups.set(group, [increase]);
  }
  const [name, most] = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .reduce<[string, Increase[]]>((best, next) => (sumOf(next[1]) > sumOf(best[1]) ? next : best), ['', []]);
  const used = window.inside.filter((moment) => hasMetrics(moment.sample)).length;
  const detail = `${name === '' ? '' : `${name}, `}${used} of ${window.inside.length} samples`;
  const points = most.map(({ atSeconds, labels, increase }) => ({ atSeconds, labels, increase }));
  const isKnown = increases.length > 0;
  return {
    value: isKnown ? sumOf(most) : null,
    doubt: doubtAbout(window, quantity, isKnown),
    detail,
    openAbove: false,
    used,
    query: quantity.metric + name,
    points,
  };
}

function doubtAbout(window: Window, quantity: MetricQuantity, isKnown: boolean): Doubt | null {
  const samples = doubtAboutSamples(window, hasMetrics, whyNoMetrics);
  // A count looks back, so a window that is not covered yet is no reason for doubt; one that cannot be read is.
  const isGrave =
    samples?.outcome === 'could-not-measure' || window.inside.length === 0 || window.staleSeconds !== null;
  if (isGrave) return samples;
  if (isKnown) return null;
  const isSeen = [...window.before, ...window.inside].some(({ sample }) =>
    (sample.metrics ?? []).some((reading) => isSeriesOf(quantity, reading)),
  );
  if (isSeen) return { outcome: 'inconclusive', reason: 'two readings of the metrics are needed' };
  return { outcome: 'could-not-measure', reason: `${quantity.metric} is not among the metrics` };
}
