/** What a rollback does with the data: nothing, take the schema back, or put the data of a backup in its place. */
export type DataWayName = 'leave' | 'down' | 'restore';

/** One way, with what it costs. Part of the plan, so that whoever confirms has seen all of them. */
export interface DataWay {
  way: DataWayName;
  /** Why it cannot be gone, or null. */
  refused: string | null;
  /** What is lost by it, in one sentence. */
  loses: string;
  /** Everything lost was written after this moment, RFC 3339; null: nothing is lost. */
  since: string | null;
}
