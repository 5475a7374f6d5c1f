export interface VersionCount {
  sent: number;
  failed: number;
  /** Requests by status; 0 is "no whole answer". */
  statuses: Record<string, number>;
}

export interface LoadReport {
  sent: number;
  failed: number;
  /** By the `x-version` header of the answer; "none" when there was no whole answer. */
  byVersion: Record<string, VersionCount>;
  /** How many notes the service said it has stored. */
  acknowledged: number;
  /** The first 20 failures. */
  firstFailures: { at: string; method: string; version: string; status: number; reason: string }[];
}

export interface Load {
  report(): LoadReport;
  stop(): Promise<LoadReport>;
  /** Sequence numbers that were acknowledged and are not there (or not as they were sent). */
  findMissing(): Promise<number[]>;
}

export function startLoad(options: { url: string; requestsPerSecond?: number; clients?: number; name?: string }): Load;
export function failedOutside(report: LoadReport, badVersions: string[]): number;
