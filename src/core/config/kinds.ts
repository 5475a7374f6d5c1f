import type { z } from 'zod';

/** What an adapter tells about itself: the schema of its settings, and one sentence for the reference page. */
export interface KindSchema {
  settings: z.ZodType;
  summary: string;
}

/** The adapters that exist, by kind. They are handed in, because nothing in core may import them. */
export interface Kinds {
  targets: Record<string, KindSchema>;
  routers: Record<string, KindSchema>;
  stores: Record<string, KindSchema>;
  checks: Record<string, KindSchema>;
  metrics: Record<string, KindSchema>;
  migrators: Record<string, KindSchema>;
  places: Record<string, KindSchema>;
}
