import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MetricReading } from '../../../core/verdict/sample.ts';
import { parsePrometheusText } from './parse-prometheus-text.ts';

function readings(text: string): MetricReading[] {
  const parsed = parsePrometheusText(text, 'api-1');
  if ('fault' in parsed) throw new Error(`line ${parsed.fault.line}: ${parsed.fault.message}`);
  return parsed.readings;
}

// What prom-client writes for a counter, a gauge and a histogram.
const PAGE = `# HELP http_requests_total Total requests, by "status"\\nand method
# TYPE http_requests_total counter
http_requests_total{method="GET",status="200"} 1027
http_requests_total{method="POST",status="500"} 3 1395066363000

# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 5.3542912e+7

# HELP http_request_duration_seconds duration
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1",route="/notes"} 8
http_request_duration_seconds_bucket{le="+Inf",route="/notes"} 10
http_request_duration_seconds_sum{route="/notes"} 1.25
http_request_duration_seconds_count{route="/notes"} 10
`;

describe('parsePrometheusText', () => {
  test('reads counters, gauges and histograms with their types, and drops timestamps', () => {
    expect(readings(PAGE).map(({ name, type, labels, value }) => [name, type, labels, value])).toEqual([
      ['http_requests_total', 'counter', { method: 'GET', status: '200' }, 1027],
      ['http_requests_total', 'counter', { method: 'POST', status: '500' }, 3],
      ['process_resident_memory_bytes', 'gauge', {}, 53_542_912],
      ['http_request_duration_seconds_bucket', 'histogram', { le: '0.1', route: '/notes' }, 8],
      ['http_request_duration_seconds_bucket', 'histogram', { le: '+Inf', route: '/notes' }, 10],
      ['http_request_duration_seconds_sum', 'histogram', { route: '/notes' }, 1.25],
      ['http_request_duration_seconds_count', 'histogram', { route: '/notes' }, 10],
    ]);
  });

  test.each([
    ['a NaN', Number.NaN],
    ['a +Inf', Number.POSITIVE_INFINITY],
    ['a -Inf', Number.NEGATIVE_INFINITY],
    ['a -1.5E-3', -0.0015],
    ['a .5', 0.5],
    ['a 7.', 7],
    ['a{} 1', 1],
    ['a { x = "1" , } 1', 1],
    ['\ta\t1 ', 1],
    ['a:b_C9 1', 1],
    ['a 1\r', 1],
  ])('reads %j', (line, value) => {
    expect(readings(line)[0]?.value).toBe(value);
  });

  test('escapes in label values are undone, and signs inside quotes are text', () => {
    expect(readings(String.raw`a{p="C:\\x\n\"}\",{ # =",q="ä"} 1`)[0]?.labels).toEqual({
      p: 'C:\\x\n"}",{ # =',
      q: 'ä',
    });
  });

  test('a metric whose own name ends with _count keeps its own type', () => {
    expect(readings('# TYPE retry_count gauge\nretry_count 3')[0]?.type).toBe('gauge');
    expect(readings('# TYPE retry gauge\nretry_count 3')[0]?.type).toBe('untyped');
  });

  test('an empty page and free comments hold no readings', () => {
    expect(readings('')).toEqual([]);
    expect(readings('# anything\n#TYPE\n# EOF\n')).toEqual([]);
  });

  test.each([
    ['a 1\nb', 2, 'the value is missing'],
    ['a one', 1, '"one" is not a number'],
    ['a 0x10', 1, 'is not a number'],
    ['a 1_000', 1, 'is not a number'],
    ['\n\na 1 soon', 3, '"soon" is not a timestamp'],
    ['a 1 2 3', 1, 'more than a value'],
    ['<!doctype html>', 1, 'does not begin with the name'],
    ['{"status":"ok"}', 1, 'does not begin with the name'],
    ['a{x="1" 2', 1, 'a comma is missing'],
    ['a{x="1', 1, 'not closed'],
    ['a{x=1} 2', 1, 'not name="value"'],
    ['a{x="1" y="2"} 2', 1, 'a comma is missing'],
    ['a{x="1",x="2"} 2', 1, 'there twice'],
    ['# TYPE a meter', 1, '"meter" is not a type'],
    ['# TYPE a', 1, 'no type'],
    ['a-b 1', 1, '"-b" is not a number'],
  ])('%j is refused at its line', (text, line, message) => {
    const parsed = parsePrometheusText(text, 'api-1');
    expect(parsed).toMatchObject({ fault: { line, message: expect.stringContaining(message) } });
  });

  test('whatever is written is read back, and no text makes it throw', () => {
    const labels = fc.dictionary(fc.stringMatching(/^[a-z_]\w{0,5}$/), fc.string(), { noNullPrototype: true });
    const escaped = (value: string): string =>
      value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    fc.assert(
      fc.property(labels, fc.double(), (given, value) => {
        const inside = Object.entries(given).map(([name, text]) => `${name}="${escaped(text)}"`);
        expect(readings(`metric{${inside.join(',')}} ${value}`)[0]).toMatchObject({ labels: given, value: value + 0 });
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => void parsePrometheusText(text, 'x')),
      { numRuns: 1000 },
    );
  });
});
