import type { Json } from '../../../core/release/json.ts';
import { problem } from '../../../core/release/problem.ts';
import type { MetricReading } from '../../../core/verdict/sample.ts';
import type { Effect } from '../../../platform/effect.ts';
import { request } from '../../../platform/http-client.ts';
import { redact } from '../../../platform/redact.ts';
import type { MetricInstance, MetricSource } from '../metric-source.ts';
import { parsePrometheusText } from './parse-prometheus-text.ts';
import type { ScrapeSettings } from './settings.ts';

const TIMEOUT_MS = 5000; // a page of numbers from memory; slower than this the next round would be late
const BODY_MAX_BYTES = 4 * 1024 * 1024; // about 40,000 lines; more would fill the database with samples

/** Asks each instance for its page of Prometheus text, all at once. */
export function openScrapeSource(checkedSettings: Json): MetricSource {
  const { path } = checkedSettings as unknown as ScrapeSettings;
  return {
    kind: 'scrape',
    async read(instances, effect) {
      if (instances.length === 0) throw nobodyToAsk(path);
      const pages = await Promise.all(instances.map((instance) => scrape(instance, path, effect)));
      return pages.flat();
    },
  };
}

async function scrape(instance: MetricInstance, path: string, effect: Effect): Promise<MetricReading[]> {
  const url = `${instance.base.replace(/\/$/, '')}${effect.resolve(path)}`;
  const answer = await request({
    method: 'GET',
    url,
    headers: { accept: 'text/plain;version=0.0.4' },
    timeoutMs: TIMEOUT_MS,
    maxBodyBytes: BODY_MAX_BYTES,
    signal: effect.signal,
  });
  const where = redact(url);
  if (answer.status !== 200) {
    const next = 'Check the path of the metrics in the release file.';
    throw problem('unreachable', `GET ${where} answered ${answer.status}, expected 200`, { where, next, retry: true });
  }
  if (answer.bodyCut) {
    const next = 'Leave out series nobody needs, or name a smaller page.';
    throw problem('unreachable', `the metrics at ${where} are larger than ${BODY_MAX_BYTES / 1024 ** 2} MiB`, {
      where,
      next,
    });
  }
  const parsed = parsePrometheusText(answer.body, instance.id);
  if ('readings' in parsed) return parsed.readings;
  const { line, message } = parsed.fault;
  const next = 'Let the service answer Prometheus text, version 0.0.4.';
  throw problem('unreachable', redact(`line ${line} of ${where}: ${message}`), { where: `${where}:${line}`, next });
}

function nobodyToAsk(path: string): Error {
  const next = 'Check that the component of the metrics runs and has a port.';
  return problem('unreachable', `no instance to ask for ${path}`, { where: path, next, retry: true });
}
