import { describe, expect, test } from 'vitest';
import { criterion, probe, reading, requests, sample, series, verdictOf } from '../../../test/support/build-samples.ts';
import { judge } from './judge.ts';
import type { MetricReading, Sample } from './sample.ts';

describe('error rate', () => {
  const rule = 'error rate > 1% for 5 minutes';

  test('a breach names rate, limit, window, requests and samples', () => {
    const samples = series(300, (i) => ({ metrics: requests(i * 55 + (i === 30 ? 3 : 0), i + (i === 30 ? 1 : 0)) }));
    expect(verdictOf(rule, samples)).toEqual([
      'fail',
      'error rate 1.84% > 1% for 5m00s (31 of 1,684 requests, 30 of 30 samples)',
    ]);
  });

  test('exactly the limit is no breach of ">", and is one of ">="', () => {
    const samples = series(300, (i) => ({ metrics: requests(i * 99, i) }));
    expect(verdictOf(rule, samples)).toEqual([
      'pass',
      'error rate 1% <= 1% for 5m00s (30 of 3,000 requests, 30 of 30 samples)',
    ]);
    expect(verdictOf('error rate >= 1% for 5 minutes', samples)[0]).toBe('fail');
  });

  test('a value just above the limit is never shown as the limit', () => {
    const samples = series(300, (i) => ({ metrics: requests(i * 98_999, i * 1001) }));
    expect(verdictOf(rule, samples)[1]).toContain('error rate 1.001% > 1%');
  });

  test('nothing fails before nine tenths of the window are covered', () => {
    const samples = series(300, (i) => ({ metrics: requests(0, i * 100) }));
    expect(verdictOf(rule, samples.slice(0, 27))).toEqual([
      'inconclusive',
      'error rate > 1% for 5m00s cannot be judged yet: samples cover 260 s of the window, 270 s are needed',
    ]);
    expect(verdictOf(rule, samples.slice(0, 28))[0]).toBe('fail');
  });

  test('a series of errors that first appears during the watch counts from zero', () => {
    const samples = series(300, (i) => ({
      metrics: i < 15 ? requests(i * 10, 0).slice(0, 1) : requests(150, (i - 14) * 10),
    }));
    expect(verdictOf(rule, samples)[1]).toContain('160 of 310 requests');
  });

  test('a version that was broken before the window and is well now passes', () => {
    const samples = series(600, (i) => ({ metrics: requests(i * 100, Math.min(i, 20) * 50) }));
    expect(verdictOf(rule, samples)[0]).toBe('pass');
  });

  test('counters are added up over instances, each with its own base', () => {
    const samples = series(300, (i) => ({
      metrics: [...requests(i * 10, 0), ...requests(1e6 + i * 10, 5000 + i, 'api-2')],
    }));
    expect(verdictOf(rule, samples)[1]).toContain('30 of 630 requests');
  });

  test('without a window the newest pair of samples decides', () => {
    const samples = [
      sample(0, { metrics: requests(0, 0) }),
      sample(10, { metrics: requests(100, 0) }),
      sample(20, { metrics: requests(110, 10) }),
    ];
    expect(verdictOf('error rate > 5%', samples)).toEqual([
      'fail',
      'error rate 50% > 5% (10 of 20 requests, 1 of 1 samples)',
    ]);
  });

  test('a service that counts errors by a name of their own is understood', () => {
    const samples = series(300, (i) => ({
      metrics: [reading('http_requests_total', i * 100), reading('errors_total', i * 2)],
    }));
    expect(verdictOf(rule, samples)[1]).toContain('error rate 2% > 1%');
  });

  test('a service that counts requests only in its histogram is understood', () => {
    const name = 'http_request_duration_seconds_count';
    const samples = series(300, (i) => ({
      metrics: [reading(name, i * 9, { status_code: '200' }), reading(name, i, { status_code: '500' })],
    }));
    expect(verdictOf(rule, samples)[1]).toContain('error rate 10% > 1%');
  });

  test('requests without any status cannot be judged, and the sentence says what is missing', () => {
    const samples = series(300, (i) => ({ metrics: [reading('http_requests_total', i * 100)] }));
    expect(verdictOf(rule, samples)).toEqual([
      'could-not-measure',
      'error rate > 1% for 5m00s could not be measured: the metrics hold no http_requests_total with a status label, and no http_errors_total or errors_total',
    ]);
  });

  test('samples that come a little late do not make a short window uncoverable', () => {
    const samples = Array.from({ length: 10 }, (_, i) => sample(i * 10.02, { metrics: requests(i * 100, 0) }));
    expect(verdictOf('error rate > 1% for 30 seconds', samples)[0]).toBe('pass');
    expect(verdictOf('error rate > 1% for 30 seconds', samples, 99)[0]).toBe('pass');
  });
});

describe('the pace of samples', () => {
  const rule = criterion('error rate > 1% for 5 minutes');
  const every = (seconds: number, count: number): Sample[] =>
    Array.from({ length: count }, (_, i) => sample(i * seconds, { metrics: requests(0, i * 50) }));

  test('a machine slower than the release file wishes still measures', () => {
    expect(judge({ criterion: rule, samples: every(50, 10), nowSeconds: 450, everySeconds: 10 }).outcome).toBe('fail');
  });

  test('a pause longer than three intervals is a hole, and a window with holes decides nothing', () => {
    const samples = every(10, 40).filter(({ atSeconds }) => atSeconds <= 200 || atSeconds > 240);
    const { outcome, sentence } = judge({ criterion: rule, samples, nowSeconds: 390, everySeconds: 10 });
    expect(outcome).toBe('inconclusive');
    expect(sentence).toContain('samples cover 250 s of the window, 270 s are needed');
  });
});

describe('failed health checks and uptime', () => {
  test('samples from before the watch are left out when its start is given', () => {
    const rule = criterion('more than 3 failed health checks in 10 minutes');
    const samples = series(100, (i) => ({ probes: [probe(i < 4 ? 'fail' : 'pass')] }));
    expect(judge({ criterion: rule, samples, nowSeconds: 100 }).outcome).toBe('fail');
    expect(judge({ criterion: rule, samples, nowSeconds: 100, watchStartedSeconds: 10 }).outcome).toBe('pass');
  });

  test('too many failures count at once, long before the window is over', () => {
    const samples = series(30, () => ({ probes: [probe('fail')] }));
    expect(verdictOf('more than 3 failed health checks in 10 minutes', samples)).toEqual([
      'fail',
      'failed health checks 4 > 3 in 10m00s (4 probes, 4 of 4 samples)',
    ]);
    expect(verdictOf('more than 3 failed health checks in 10 minutes', samples.slice(1))[0]).toBe('pass');
  });

  test('failures older than the window are forgotten', () => {
    const samples = series(900, (i) => ({ probes: [probe(i < 10 ? 'fail' : 'pass')] }));
    expect(verdictOf('more than 3 failed health checks in 10 minutes', samples)[0]).toBe('pass');
  });

  test('a process that is gone fires the count even while its metrics cannot be read', () => {
    const samples = series(60, (i) => ({
      metrics: null,
      metricsProblem: 'refused',
      probes: [probe(i < 3 ? 'pass' : 'fail')],
    }));
    expect(verdictOf('more than 3 failed health checks in 10 minutes', samples)[0]).toBe('fail');
    expect(verdictOf('error rate > 1% for 30 s', samples)).toEqual([
      'could-not-measure',
      'error rate > 1% for 30s could not be measured: 3 of 3 samples could not be read (refused)',
    ]);
  });

  test('four failures stay a breach even when most other probes could not be measured', () => {
    const samples = series(200, (i) => ({ probes: [probe(i < 4 ? 'fail' : 'could-not-measure')] }));
    expect(verdictOf('more than 3 failed health checks in 10 minutes', samples)[0]).toBe('fail');
  });

  test('uptime is the share of passed probes among those measured', () => {
    const samples = series(300, (i) => ({
      probes: [probe(i === 7 ? 'fail' : i === 8 ? 'could-not-measure' : 'pass')],
    }));
    expect(verdictOf('uptime < 99.9% for 5 minutes', samples)).toEqual([
      'fail',
      'uptime 96.6% < 99.9% for 5m00s (28 of 29 probes passed, 29 of 30 samples)',
    ]);
  });
});

describe('response time', () => {
  const buckets = (i: number, counts: Record<string, number>): MetricReading[] =>
    Object.entries(counts).map(([le, count]) => reading('http_request_duration_seconds_bucket', count * i, { le }));

  test('the quantile is interpolated inside its bucket', () => {
    const samples = series(300, (i) => ({ metrics: buckets(i, { '0.1': 50, '0.5': 90, '1': 100, '+Inf': 100 }) }));
    expect(verdictOf('p95 response time > 300 ms for 5 minutes', samples)).toEqual([
      'fail',
      'p95 response time 750 ms > 300 ms for 5m00s (3,000 requests, 30 of 30 samples)',
    ]);
    expect(verdictOf('p50 response time > 300 ms for 5 minutes', samples)[1]).toContain(
      'p50 response time 100 ms <= 300 ms',
    );
  });

  test('a quantile beyond the largest bucket breaches a limit up to that bucket, and is inconclusive for a higher one', () => {
    const samples = series(300, (i) => ({ metrics: buckets(i, { '1': 50, '10': 60, '+Inf': 100 }) }));
    expect(verdictOf('p99 latency > 10000ms for 5 minutes', samples)).toEqual([
      'fail',
      'p99 response time more than 10 s > 10 s for 5m00s (3,000 requests, 30 of 30 samples)',
    ]);
    expect(verdictOf('p99 latency > 20 s for 5 minutes', samples)[0]).toBe('inconclusive');
  });

  test('milliseconds are read as milliseconds', () => {
    const name = 'http_request_duration_milliseconds_bucket';
    const samples = series(300, (i) => ({
      metrics: [reading(name, i * 10, { le: '200' }), reading(name, i * 10, { le: '+Inf' })],
    }));
    expect(verdictOf('p50 response time > 50 ms for 5 minutes', samples)[1]).toContain(
      'p50 response time 100 ms > 50 ms',
    );
  });

  test('without a histogram the latencies of the probes are used, and the sentence says so', () => {
    const samples = series(300, (i) => ({ probes: [probe('pass', i / 100)] }));
    expect(verdictOf('p95 response time > 300 ms for 5 minutes', samples)).toEqual([
      'pass',
      'p95 response time 290 ms <= 300 ms for 5m00s (30 probes, because the service has no http_request_duration_seconds)',
    ]);
  });
});

describe('latencies of probes', () => {
  test('the time spent on a probe that could not be measured is no latency', () => {
    const samples = series(300, (i) => ({ probes: [probe('pass', 0.5), probe('could-not-measure', i)] }));
    expect(verdictOf('p95 response time > 300 ms for 5 minutes', samples)[1]).toContain(
      'p95 response time 500 ms > 300 ms',
    );
  });
});

describe('memory and metrics', () => {
  test('memory breaches only when every sample of the window does', () => {
    const samples = series(600, (i) => ({ memoryShare: i === 30 ? 0.89 : 0.951 }));
    expect(verdictOf('memory > 90% for 10 minutes', samples)).toEqual([
      'pass',
      'memory 89% <= 90% for 10m00s (lowest of 60 of 60 samples)',
    ]);
    samples[30]!.memoryShare = 0.92;
    expect(verdictOf('memory > 90% for 10 minutes', samples)[1]).toBe(
      'memory 92% > 90% for 10m00s (lowest of 60 of 60 samples)',
    );
  });

  test('a metric is summed over its series, and a label picks some of them', () => {
    const metrics = [reading('queue_depth', 300, { queue: 'mail' }), reading('queue_depth', 250, { queue: 'sms' })];
    const samples = series(10, () => ({ metrics }));
    expect(verdictOf('queue depth > 500', samples)).toEqual(['fail', 'queue_depth 550 > 500 (1 of 1 samples)']);
    expect(verdictOf('queue_depth{queue="mail"} > 500', samples)[0]).toBe('pass');
    expect(verdictOf('queue depth per queue > 299', samples)[1]).toContain('300 > 299');
  });

  test('an increase is counted over the window and found under the name with _total', () => {
    const samples = series(100, (i) => ({ metrics: [reading('automation_failures_total', 1000 + i)] }));
    expect(verdictOf('> 5 automation failures in 10 minutes', samples)).toEqual([
      'fail',
      'automation_failures 10 > 5 in 10m00s (11 of 11 samples)',
    ]);
    expect(verdictOf('> 5 automation failures in 10 minutes', samples.slice(0, 6))[0]).toBe('pass');
  });

  test('"fewer than" a count is judged only when its window is over: what is missing may still come', () => {
    const rule = 'fewer than 3 sync runs in 10 minutes';
    const everySoOften = (pause: number) =>
      series(600, (i) => ({ metrics: [reading('sync_runs_total', Math.floor(i / pause))] }));
    expect(verdictOf(rule, everySoOften(20).slice(0, 10))).toEqual([
      'inconclusive',
      'sync_runs < 3 in 10m00s cannot be judged yet: samples cover 90 s of the window, 540 s are needed',
    ]);
    expect(verdictOf(rule, everySoOften(20))[0]).toBe('pass');
    expect(verdictOf(rule, everySoOften(30))[0]).toBe('fail');
  });

  test('"fewer than" a count per label is decided by the label with the fewest', () => {
    const samples = series(600, (i) => ({
      metrics: [reading('sync_runs_total', i, { region: 'eu' }), reading('sync_runs_total', 0, { region: 'us' })],
    }));
    expect(verdictOf('fewer than 3 sync runs per region in 10 minutes', samples)).toEqual([
      'fail',
      'sync_runs per region 0 < 3 in 10m00s ({region="us"}, 60 of 60 samples)',
    ]);
  });

  test('counted per label, the worst value of the label decides and is named', () => {
    const name = 'token_refresh_failures_total';
    const samples = series(60, (i) => ({
      metrics: [reading(name, Math.min(i, 3), { user: 'a' }), reading(name, Math.min(i, 4), { user: 'b' })],
    }));
    expect(verdictOf('more than 3 token refresh failures per user in 15 minutes', samples)).toEqual([
      'fail',
      'token_refresh_failures per user 4 > 3 in 15m00s ({user="b"}, 7 of 7 samples)',
    ]);
  });
});
