/** A place in the journal and the hash it had when somebody wrote it down. */
export interface Anchor {
  index: number;
  hash: string;
}
