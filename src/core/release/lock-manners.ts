/** How a migration waits for locks. Whoever asks for the same table waits behind it, also for a table that only an idle transaction holds. */
export interface LockManners {
  /** `safe`: 200 ms where an `up` that fails leaves the data as it was, no limit elsewhere. A number of milliseconds always holds. */
  lockTimeoutMs: 'safe' | 'none' | number;
  /** How long it is tried again when a lock was not given in time. */
  retrySeconds: number;
  statementTimeoutMs: number | null;
}

/** Whether an `up` that fails leaves the data as it was: all of it in one transaction, or each migration with its record in its own. */
export type Atomicity = { atomic: true } | { atomic: false; why: string };

const SAFE_LOCK_TIMEOUT_MS = 200; // with it the worst stall of others was measured at 0.2 s, without it as long as somebody idles

/** What a release file says that says nothing. */
export const DEFAULT_RETRY_SECONDS = 60;

// A dump holds its locks for minutes, and the service is refused meanwhile: giving up would leave it so until a person comes.
const RETRY_OF_DOWN_SECONDS = 900;

/** How long a way is tried again; the way down longer, unless the release file has its own word. */
export function retrySecondsOf({ retrySeconds }: LockManners, direction: 'up' | 'down'): number {
  return direction === 'down' && retrySeconds === DEFAULT_RETRY_SECONDS ? RETRY_OF_DOWN_SECONDS : retrySeconds;
}

/** The limit that holds for one run; null: none. */
export function lockTimeoutOf(manners: LockManners, atomicity: Atomicity | null): number | null {
  if (manners.lockTimeoutMs === 'none') return null;
  if (manners.lockTimeoutMs !== 'safe') return manners.lockTimeoutMs;
  // Outside a transaction a limit would leave half a migration behind, or an invalid index.
  return atomicity?.atomic === true ? SAFE_LOCK_TIMEOUT_MS : null;
}

/** PostgreSQL keeps 63 bytes, and replaces what is not ASCII; a space would end the word in PGOPTIONS. */
export function applicationNameOf(token: string): string {
  return `shipway/${token}`.replaceAll(/[^\w./-]/g, '_').slice(0, 63);
}
