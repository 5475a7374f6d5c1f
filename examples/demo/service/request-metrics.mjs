// Upper bounds in seconds. 0.3 is among them because the release file sets its limit there: a quantile is only exact at a bound.
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5];

/** Counts what people asked for (probes and scrapes are left out, they would thin the error rate) and writes it as Prometheus text. */
export function createRequestMetrics() {
  const totals = new Map();
  const buckets = BUCKETS.map(() => 0);
  let count = 0;
  let sumSeconds = 0;

  return {
    /** One answered request. */
    record(method, status, seconds) {
      const key = `method="${method}",status="${status}"`;
      totals.set(key, (totals.get(key) ?? 0) + 1);
      count += 1;
      sumSeconds += seconds;
      BUCKETS.forEach((bound, index) => {
        if (seconds <= bound) buckets[index] += 1;
      });
    },

    /** The exposition text of this process; counters begin at 0 with it. */
    text() {
      const name = 'http_request_duration_seconds';
      const lines = ['# HELP http_requests_total Requests answered.', '# TYPE http_requests_total counter'];
      for (const [key, total] of totals) lines.push(`http_requests_total{${key}} ${total}`);
      lines.push(
        `# HELP ${name} Time from the first byte of a request to the end of its answer.`,
        `# TYPE ${name} histogram`,
      );
      BUCKETS.forEach((bound, index) => lines.push(`${name}_bucket{le="${bound}"} ${buckets[index]}`));
      lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sumSeconds}`, `${name}_count ${count}`);
      lines.push(
        '# HELP process_resident_memory_bytes Resident memory size.',
        '# TYPE process_resident_memory_bytes gauge',
      );
      lines.push(`process_resident_memory_bytes ${process.memoryUsage.rss()}`);
      return `${lines.join('\n')}\n`;
    },
  };
}
