import { isCeiling, type Comparison, type MetricQuantity } from './criterion.ts';
import { counterIncreases, hasMetrics, sumOf, whyNoMetrics, type Increase } from './counter-increases.ts';
import { doubtAboutSamples, type Doubt, type Measurement } from './measurement.ts';
import { groupOf, isSeriesOf } from './metric-series.ts';
import type { Window } from './window.ts';

/** By how much the counter grew inside the window: over all series, or in the group that is furthest into the breach. */
export function measureIncrease(window: Window, quantity: MetricQuantity, comparison: Comparison): Measurement {
  const increases = counterIncreases(window, (reading) => isSeriesOf(quantity, reading));
  const groups = new Map<string, Increase[]>();
  for (const increase of increases) {
    const group = groupOf(quantity, increase);
    const list = groups.get(group);
    if (list) list.push(increase);
    else groups.set(group, [increase]);
  }
  const isWorse = (a: Increase[], b: Increase[]): boolean =>
    isCeiling(comparison) ? sumOf(a) > sumOf(b) : sumOf(a) < sumOf(b);
  const [name, worst] = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .reduce<[string, Increase[]]>(
      (best, next) => (best[1].length === 0 || isWorse(next[1], best[1]) ? next : best),
      ['', []],
    );
  const used = window.inside.filter((moment) => hasMetrics(moment.sample)).length;
  const detail = `${name === '' ? '' : `${name}, `}${used} of ${window.inside.length} samples`;
  const points = worst.map(({ atSeconds, labels, increase }) => ({ atSeconds, labels, increase }));
  const isKnown = increases.length > 0;
  return {
    value: isKnown ? sumOf(worst) : null,
    doubt: doubtAbout(window, { quantity, comparison, isKnown }),
    detail,
    openAbove: false,
    used,
    query: quantity.metric + name,
    points,
  };
}

function doubtAbout(
  window: Window,
  { quantity, comparison, isKnown }: { quantity: MetricQuantity; comparison: Comparison; isKnown: boolean },
): Doubt | null {
  const samples = doubtAboutSamples(window, hasMetrics, whyNoMetrics);
  // What exceeds its limit early has exceeded it, so a window that is not covered yet is no reason for doubt; one that cannot be read is.
  // "Fewer than" is the other way about: before the window is over, the rest may still come.
  const isGrave =
    !isCeiling(comparison) ||
    samples?.outcome === 'could-not-measure' ||
    window.inside.length === 0 ||
    window.staleSeconds !== null;
  if (isGrave && samples !== null) return samples;
  if (isKnown) return null;
  const isSeen = [...window.before, ...window.inside].some(({ sample }) =>
    (sample.metrics ?? []).some((reading) => isSeriesOf(quantity, reading)),
  );
  if (isSeen) return { outcome: 'inconclusive', reason: 'two readings of the metrics are needed' };
  return { outcome: 'could-not-measure', reason: `${quantity.metric} is not among the metrics` };
}
