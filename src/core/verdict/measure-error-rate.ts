import { counterIncreases, hasMetrics, sumOf, whyNoMetrics, type Increase } from './counter-increases.ts';
import { formatCount } from './format-measured.ts';
import { doubtAboutSamples, nothing, type Measurement } from './measurement.ts';
import type { MetricReading } from './sample.ts';
import type { Window } from './window.ts';

// What client libraries and their HTTP middlewares call these by default; the first one with both totals and errors is used.
const REQUESTS = [
  'http_requests_total',
  'http_request_duration_seconds_count',
  'http_request_duration_milliseconds_count',
];
const ERRORS = ['http_errors_total', 'errors_total'];
const STATUS_LABELS = ['status', 'code', 'status_code'];

interface Source {
  query: string;
  requests: (reading: MetricReading) => boolean;
  errors: (reading: MetricReading) => boolean;
}

/** Failed requests (5xx) divided by all requests counted inside the window, over every instance. */
export function measureErrorRate(window: Window, requestsMin: number): Measurement {
  const readable = doubtAboutSamples(window, hasMetrics, whyNoMetrics);
  const source = sourceIn(window);
  if (!source) {
    const reason = `the metrics hold no ${REQUESTS[0]} with a status label, and no ${ERRORS.join(' or ')}`;
    return nothing(REQUESTS[0]!, readable ?? { outcome: 'could-not-measure', reason });
  }
  const requests = counterIncreases(window, source.requests);
  const errors = counterIncreases(window, source.errors);
  const total = sumOf(requests);
  const failed = sumOf(errors);
  const used = window.inside.filter((moment) => hasMetrics(moment.sample));
  const detail = `${formatCount(failed)} of ${formatCount(total)} requests, ${used.length} of ${window.inside.length} samples`;
  const few =
    total < requestsMin
      ? { outcome: 'inconclusive' as const, reason: `fewer than ${requestsMin} requests (${detail})` }
      : null;
  const requestsAt = sumsByTime(requests);
  const errorsAt = sumsByTime(errors);
  const points = used.map(({ sample: { atSeconds } }) => ({
    atSeconds,
    requests: requestsAt.get(atSeconds) ?? 0,
    errors: errorsAt.get(atSeconds) ?? 0,
  }));
  return {
    // Counters that hold no counts (1e-300 requests) have no rate either.
    value: total > 0 && Number.isFinite(failed / total) ? failed / total : null,
    doubt: readable ?? few,
    detail,
    openAbove: false,
    used: used.length,
    query: source.query,
    points,
  };
}

function sourceIn(window: Window): Source | null {
  const readings = [...window.before, ...window.inside].flatMap((moment) => moment.sample.metrics ?? []);
  const errorsName = ERRORS.find((name) => readings.some((reading) => reading.name === name));
  for (const name of REQUESTS) {
    const counted = readings.filter((reading) => reading.name === name);
    if (counted.some((reading) => statusOf(reading) !== null)) {
      return {
        query: `${name} with status 5xx / ${name}`,
        requests: (reading) => reading.name === name,
        errors: (reading) => reading.name === name && (statusOf(reading) ?? '').startsWith('5'),
      };
    }
    if (counted.length > 0 && errorsName !== undefined) {
      return {
        query: `${errorsName} / ${name}`,
        requests: (reading) => reading.name === name,
        errors: (reading) => reading.name === errorsName,
      };
    }
  }
  return null;
}

function statusOf(reading: MetricReading): string | null {
  const label = STATUS_LABELS.find((name) => reading.labels[name] !== undefined);
  return label === undefined ? null : (reading.labels[label] ?? null);
}

function sumsByTime(increases: Increase[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { atSeconds, increase } of increases) sums.set(atSeconds, (sums.get(atSeconds) ?? 0) + increase);
  return sums;
}
