import canonicalize from 'canonicalize';
import { sqlDigest } from './pending-migration.ts';
import type { RehearsalFact } from './facts.ts';
import type { DownEvidence } from './down-evidence.ts';
import type { PlannedStep } from './plan.ts';

/** Digest of a migration as it is planned: what a rehearsal is about. */
export function migrationSubject(step: PlannedStep, sql: string | null): string {
  return sqlDigest(canonicalize({ input: step.input, up: step.commands, down: step.undo?.commands ?? [], sql }) ?? '');
}

/** What the newest rehearsal of a migration says about its way down. Null: it was not rehearsed. */
export function downEvidence(reversible: boolean, rehearsal: RehearsalFact | null): DownEvidence {
  if (!reversible) return { state: 'none', why: 'the migration has no way down' };
  if (rehearsal === null || rehearsal.outcome === 'could-not-measure') return { state: 'unproven' };
  if (rehearsal.outcome === 'failed')
    return { state: 'none', why: `its rehearsal failed: ${rehearsal.fault ?? 'see the journal'}` };
  if (rehearsal.tookMs.down === null) return { state: 'unproven' };
  const discards = rehearsal.discards ?? [];
  if (discards.length === 0) return { state: 'proven' };
  const count = discards.reduce((sum, one) => sum + one.count, 0);
  return { state: 'lossy', count, what: discards.map((one) => `${one.name}: ${one.count} ${one.unit}`) };
}
