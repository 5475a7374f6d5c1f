import { RESTORE_LEVEL } from './verification-level.ts';

export type ProofOutcome = 'pass' | 'fail' | 'could-not-measure';

/** What one look at one store of a backup found. */
export interface StoreProof {
  /** null: of the backup as a whole, because its manifest cannot be trusted to name its stores. */
  store: string | null;
  outcome: ProofOutcome;
  /** What is wrong, or why nobody could look; null for a pass. */
  fault: string | null;
  /** Reading all parts again counts in equal shares. */
  seconds: number;
  /** One clause each. */
  checked: string[];
  notChecked: string[];
}

/** One look at a backup, kept for good whatever it found. */
export interface ProofRun {
  backup: string;
  level: number;
  /** RFC 3339. */
  at: string;
  /** A person; null for a release by itself. */
  by: string | null;
  release: string | null;
  /** Program and version. */
  tool: string;
  /** Whether it looked at every store of the backup. */
  isComplete: boolean;
  stores: StoreProof[];
}

/** Of a whole run: the worst of its stores; a run that looked at nothing proves nothing. */
export function outcomeOf({ stores }: Pick<ProofRun, 'stores'>): ProofOutcome {
  if (stores.some((proof) => proof.outcome === 'fail')) return 'fail';
  return stores.length > 0 && stores.every((proof) => proof.outcome === 'pass') ? 'pass' : 'could-not-measure';
}

/** The first thing that is wrong, with the name of its store; null for a pass. */
export function faultOf({ stores }: Pick<ProofRun, 'stores'>): string | null {
  const found = stores.find((proof) => proof.outcome === 'fail') ?? stores.find((proof) => proof.outcome !== 'pass');
  if (found === undefined) return stores.length === 0 ? 'it holds no store' : null;
  return found.store === null ? found.fault : `${found.store}: ${found.fault ?? found.outcome}`;
}

export function secondsOf({ stores }: Pick<ProofRun, 'stores'>): number {
  return stores.reduce((sum, proof) => sum + proof.seconds, 0);
}

/** Whether the run tried to restore all of the backup. */
export function isRestoreTry(run: ProofRun): boolean {
  return run.isComplete && run.level >= RESTORE_LEVEL;
}

/** The newest run that restored all of a backup and found it as it was captured; runs are given oldest first. */
export function lastRestoreProof(runs: readonly ProofRun[]): ProofRun | null {
  return runs.findLast((run) => isRestoreTry(run) && outcomeOf(run) === 'pass') ?? null;
}
