import type { JournalTables } from './journal-tables.ts';
import type { ProofTables } from './proof-tables.ts';
import type { ReleaseTables } from './release-tables.ts';

/** Every table of ours, as Kysely sees it: one interface per family, each beside its own migration. */
export interface Tables extends ReleaseTables, JournalTables, ProofTables {}
