import type { Logger } from 'pino';

/** The durable engine's own words go into our log, and nowhere near the person's terminal. */
export function durableLogger(log: Logger) {
  const child = log.child({ from: 'durable engine' });
  return {
    info: (entry: unknown): void => child.debug(String(entry)),
    debug: (entry: unknown): void => child.trace(String(entry)),
    warn: (entry: unknown): void => child.warn(String(entry)),
    error: (entry: unknown): void =>
      child.error(entry instanceof Error ? (entry.stack ?? entry.message) : String(entry)),
  };
}
