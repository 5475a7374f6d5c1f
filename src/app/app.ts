import type { Store } from '../adapters/stores/store.ts';
import type { withCopy } from '../adapters/vaults/copy-of-store.ts';
import type { Vault } from '../adapters/vaults/vault.ts';
import type { ServiceConfig } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { BackupTools } from '../engine/steps/step-backups.ts';
import type { Adapters } from '../engine/steps/step-tools.ts';
import type { Effect } from '../platform/effect.ts';
import type { Database } from '../state/open-database.ts';

/** The release file as read and checked. */
export interface LoadedReleaseFile {
  path: string;
  config: ServiceConfig;
  /** SHA-256 over the checked configuration. */
  fingerprint: string;
  /** What is allowed but unwise, each with its place. */
  warnings: string[];
}

export interface Tools {
  adapters: Adapters;
  backups: BackupTools;
  /** A new pair of keys for encrypted backups; nothing of it is kept. */
  newIdentity(): Promise<{ recipient: string; identity: string }>;
  /** Where the backups of the plan are kept. */
  vault(plan: Plan): Vault;
  /** Opens what a backup there holds of a store. */
  withCopy: typeof withCopy;
  /** The stores of the plan, opened. */
  stores(plan: Plan): { name: string; store: Store }[];
}

/** What acts work with. Everything is opened when it is first needed, so that a cheap command stays cheap. */
export interface App {
  projectDirectory: string;
  /** How this project is told apart from others in the same memory. */
  project: string;
  stateDirectory: string;
  /** Name of the person who acts. */
  person: string;
  /** Whether a program acts without a person who watches over it (CI, schedule). */
  startedBy: 'person' | 'automation';
  /** Throws `config-missing` or `config-invalid` with every problem of the file. */
  releaseFile(): Promise<LoadedReleaseFile>;
  /** The memory; created when it is not there yet. */
  database(): Promise<Database>;
  /** The memory if there is one; looking never creates anything. */
  existingDatabase(): Promise<Database | null>;
  /** The adapters and the backups; loaded when first needed, because looking at our own memory needs neither. */
  tools(): Promise<Tools>;
  /** An effect for looking at the world and for acts outside a release, such as a backup by hand. */
  effect(plan: Plan, token: string): Promise<Effect>;
  /** Starts an executor in the background; it outlives this process. */
  startExecutor(): Promise<void>;
  nowMs(): number;
  /** Waits; the only pause an act may take. */
  sleep(ms: number): Promise<void>;
}
