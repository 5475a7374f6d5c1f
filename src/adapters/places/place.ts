/** A file that lies in a place. */
export interface PlacedFile {
  /** From the root of the place, `/` between names. */
  path: string;
  bytes: number;
}

/** A file of this machine that is to lie in a place, and what it must be there. */
export interface Sending {
  from: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/**
 * Files on another disk or another machine: no more than that; what a backup is, others know. Promises of every implementation:
 * - a file is there whole or not at all, whoever dies while it is sent; what is sent replaces what had the name;
 * - nothing grows in memory with the size of a file, either way;
 * - a file that is not there is an answer and not an error; everything else that goes wrong is a Problem that says what to do, and `retry`
 *   says whether the same again can succeed;
 * - every call ends when the signal of the effect fires, and none waits longer than its own limit for a sign of life of the other side;
 * - no secret stands in an argument list, in a message or in `where`.
 */
export interface Place {
  /** Names of folders and of files at the root, sorted. */
  names(): Promise<{ folders: string[]; files: string[] }>;
  /** Every file below a folder of the root, sorted by path; none when there is no such folder. */
  files(folder: string): Promise<PlacedFile[]>;
  find(path: string): Promise<PlacedFile | null>;
  send(path: string, sending: Sending): Promise<void>;
  /** The same content under a second name without sending it again; false where this place cannot. The names live on without each other. */
  link(from: string, to: string): Promise<boolean>;
  /** The bytes from that offset on. */
  read(path: string, from?: number): AsyncIterable<Buffer>;
  /** Nothing there is fine. */
  remove(path: string): Promise<void>;
  /** A folder that is not there is fine; one with files in it stays. Where folders are only names, nothing is left to do. */
  removeFolder(path: string): Promise<void>;
  close(): Promise<void>;
  /** Where it is, for people. */
  readonly where: string;
}
