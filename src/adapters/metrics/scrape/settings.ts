import { z } from 'zod';

export interface ScrapeSettings {
  /** Joined to the address of each instance. */
  path: string;
  /** The component that answers it; null: the one the router leads to. */
  component: string | null;
}

const path = z.string().regex(/^\//, 'is not a path\nWrite the path on the service itself, e.g. /metrics.');

/** `scrape`: `{ scrape: /metrics, component: api }`. `scrape` is the short word for `path`. */
export const scrapeSettings = z
  .strictObject({
    scrape: path.optional().describe('Path at which each instance answers Prometheus text.'),
    path: path.optional().describe('The same as `scrape`.'),
    component: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('The component that is asked; default: the one the router leads to.'),
  })
  .transform((written, context): ScrapeSettings => {
    const one = written.path ?? written.scrape;
    if (one !== undefined && (written.path === undefined || written.scrape === undefined)) {
      return { path: one, component: written.component };
    }
    context.addIssue({ code: 'custom', message: 'needs exactly one path\nWrite scrape: /metrics.', input: written });
    return z.NEVER;
  });
