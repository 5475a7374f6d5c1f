/** What PostgreSQL writes about itself into `postmaster.pid` of its data directory. */
export interface PostmasterFile {
  pid: number;
  port: number;
  socketDirectory: string;
  /** Written before the server ends the first connection. */
  isStopping: boolean;
}

/**
 * Reads the text of `postmaster.pid`; null while it is half written. Lines: pid, data directory, start, port, socket directory,
 * TCP address, shared memory, status.
 */
export function parsePostmasterFile(text: string): PostmasterFile | null {
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  const socketDirectory = lines[4]?.trim() ?? '';
  if (!Number.isInteger(pid) || pid <= 0 || !Number.isInteger(port) || port <= 0 || socketDirectory === '') return null;
  return { pid, port, socketDirectory, isStopping: lines[7]?.trim() === 'stopping' };
}
