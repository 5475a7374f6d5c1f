import type { z } from 'zod';
import type { Json } from '../../core/release/json.ts';
import type { MetricSource } from './metric-source.ts';
import { openScrapeSource } from './scrape/scrape-source.ts';
import { scrapeSettings } from './scrape/settings.ts';

export interface MetricKind {
  /** Checks what the release file says and gives what `open` takes; checking that again changes nothing. */
  settings: z.ZodType;
  summary: string;
  open(checkedSettings: Json): MetricSource;
}

/** Where metrics can come from. A new source is one folder and one line here. */
export const metricKinds: Record<'scrape', MetricKind> = {
  scrape: { settings: scrapeSettings, summary: "the service's own /metrics (Prometheus text)", open: openScrapeSource },
};
