import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

const LISTENING = '0A'; // TCP_LISTEN in /proc/net/tcp

/**
 * The pid of a process that listens on the TCP port, or null when nobody does or it cannot be known: other systems than Linux, and
 * processes of other users unless we are root.
 */
export function holderOfPort(port: number): number | null {
  const inodes = new Set([...inodesOn('/proc/net/tcp', port), ...inodesOn('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return null;
  for (const pid of namesIn('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of namesIn(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkAt(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(pid);
    }
  }
  return null;
}

// Columns: number, local address:port in hex, remote, state, queues, timer, retransmits, uid, timeout, inode.
function inodesOn(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return textOf(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(`:${wanted}`) === true && columns[3] === LISTENING)
    .flatMap((columns) => columns[9] ?? []);
}

// A process may end while it is looked at, and others' are closed to us: then there is nothing to see.
function orElse<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

const textOf = (path: string): string => orElse(() => readFileSync(path, 'utf8'), '');
const namesIn = (path: string): string[] => orElse(() => readdirSync(path), []);
const linkAt = (path: string): string => orElse(() => readlinkSync(path), '');
