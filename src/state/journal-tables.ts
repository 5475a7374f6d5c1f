/** One journal entry. `index` is a bigint and arrives as text. */
export interface JournalTable {
  index: string;
  release: string | null;
  type: string;
  service: string;
  environment: string;
  entry: string;
  previous_hash: Buffer;
  hash: Buffer;
  leaf_hash: Buffer;
}

export interface JournalHeadTable {
  one: boolean;
  index: string;
  hash: Buffer;
}

/** The tables of migrations/0002_journal.sql. */
export interface JournalTables {
  'shipway.journal': JournalTable;
  'shipway.journal_head': JournalHeadTable;
}
