import type { Check, CheckResult, CheckSubject } from '../../adapters/checks/check.ts';
import type { MetricSource } from '../../adapters/metrics/metric-source.ts';
import type { Dialect } from '../../adapters/dialects/dialect.ts';
import type { Migrator } from '../../adapters/migrators/migrator.ts';
import type { Router, RouterState } from '../../adapters/routers/router.ts';
import type { Counting, DescribedTables, LockWait } from '../../adapters/stores/store.ts';
import type { Target } from '../../adapters/targets/target.ts';
import type { Chosen, ChosenMigrator, NamedCheck, NamedStore } from '../../core/config/service-config.ts';
import type { DialectName } from '../../core/migration/statement.ts';
import type { Plan } from '../../core/plan/plan.ts';
import type { Json, JsonObject } from '../../core/release/json.ts';
import type { Sample } from '../../core/verdict/sample.ts';
import type { Effect } from '../../platform/effect.ts';
import type { BackupTools } from './step-backups.ts';

/** A component of the target with its own health question, as the target's settings declare it. */
export interface ComponentHealth {
  name: string;
  hasPort: boolean;
  health: NamedCheck | null;
  startWithinSeconds: number;
}

/** The adapters, opened by what the plan says. Wired in main.ts; the engine knows only the contracts. */
export interface Adapters {
  target(plan: Plan): Target;
  components(plan: Plan): ComponentHealth[];
  router(plan: Plan): Router | null;
  /** The component that the router leads to. */
  routedComponent(plan: Plan): string | null;
  check(chosen: Chosen): Check;
  runCheck(named: NamedCheck, subject: CheckSubject, effect: Effect): Promise<CheckResult>;
  metrics(chosen: Chosen): MetricSource;
  migrator(chosen: ChosenMigrator): Migrator;
  /** How large tables of a SQL database are; null for a store that has none. */
  describeTables(store: NamedStore, names: readonly string[], effect: Effect): Promise<DescribedTables | null>;
  /** Counts what is in a SQL database; null for a store that has no columns. */
  counting(store: NamedStore, effect: Effect): Counting | null;
  /** Tells who keeps sessions of that name waiting, until the signal fires; at once nothing for a store that cannot be asked. */
  watchWaits(
    store: NamedStore,
    want: { applicationName: string; found: (wait: LockWait) => void },
    effect: Effect,
  ): Promise<void>;
  /** Reads SQL; its parser is loaded by the first use. */
  dialect(name: DialectName): Dialect;
}

export interface ApprovalDecision {
  person: string;
  decision: 'approved' | 'rejected';
  reason: string | null;
  planDigest: string;
}

/** What a step may read and write in our own memory. Every write checks the fencing token of the effect. */
export interface StepMemory {
  requestedBy(releaseId: string): Promise<string>;
  approvals(releaseId: string): Promise<ApprovalDecision[]>;
  waitFor(releaseId: string, what: JsonObject): Promise<void>;
  stopWaiting(releaseId: string): Promise<void>;
  takeLock(releaseId: string): Promise<void>;
  holdsLock(releaseId: string): Promise<boolean>;
  /** What runs there by the record, or null. */
  liveVersion(service: string, environment: string): Promise<{ version: string; release: string } | null>;
  /** Why the version is kept out, or null. */
  quarantineReason(service: string, version: string): Promise<string | null>;
  /** The router state that was written down before it was put; null before the first. */
  routerState(service: string, environment: string): Promise<RouterState | null>;
  planRouterState(releaseId: string, state: RouterState): Promise<void>;
  /** Result of an earlier step of the same release, or null. */
  resultOf(releaseId: string, stepId: string): Promise<JsonObject | null>;
  /** Kept in the journal before the deed, so that what was thrown away is known also where nobody lived to tell it. */
  tellLoss(releaseId: string, stepId: string, loss: JsonObject): Promise<void>;
  /** What was there before a way up is gone is in the journal before it is: a half migration is told by it, whoever died meanwhile. */
  noteShapes(releaseId: string, stepId: string, shapes: Json): Promise<void>;
  /** Null where nobody could look, or nobody has. */
  notedShapes(releaseId: string, stepId: string): Promise<Json>;
  samples(releaseId: string): Promise<{ round: number; sample: Sample; takenAtMs: number; action: string | null }[]>;
}

export interface StepTools {
  adapters: Adapters;
  memory: StepMemory;
  backups: BackupTools;
}
