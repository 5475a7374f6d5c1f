import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { randomId } from '../../../platform/ids.ts';
import { identify } from '../../../platform/process-table.ts';
import type { ProcessIdentity } from '../../../platform/process-table.ts';

/** Where one router lives; every process of it is started with this. */
export interface RouterHome {
  /** Its folder in the state folder of the project. */
  directory: string;
  /** The folder of its unix sockets: the same, or a short one where the path would be too long for a socket. */
  sockets: string;
  listen: { host: string; port: number };
}

/** What a worker is started with. */
export interface WorkerStart {
  home: RouterHome;
  /** The socket of the primary that started it. */
  primarySocket: string;
}

/** Written by a primary when it takes over; read by whoever looks for the router. */
export interface RouterRecord {
  primary: ProcessIdentity;
  home: RouterHome;
  /** Fingerprint of the code it runs. */
  code: string;
}

export type Role = 'open' | 'primary' | 'worker';

/** Variables by which the processes of a router are found again, whatever happened to their parents. */
export const HOME_VARIABLE = 'SHIPWAY_ROUTER';
export const ROLE_VARIABLE = 'SHIPWAY_ROUTER_ROLE';

// The limit of the kernel is 107 bytes on Linux and 103 on macOS; the longest name we add has 45.
const SOCKET_FOLDER_BYTES_MAX = 103 - 45;

/** A folder for the sockets; a random name in the temporary folder, so that nobody can have put something there before. */
export function socketFolderFor(directory: string): string {
  if (Buffer.byteLength(directory) <= SOCKET_FOLDER_BYTES_MAX) return directory;
  return join(tmpdir(), `shipway-${randomId()}`);
}

export const stateFile = (directory: string): string => join(directory, 'state.json');
export const recordFile = (directory: string): string => join(directory, 'router.json');
/** Why the last start failed. */
export const failureFile = (directory: string): string => join(directory, 'start-failed.json');
export const logFile = (directory: string): string => join(directory, 'router.log');

export const adminSocket = (home: RouterHome): string => join(home.sockets, 'admin.sock');
export const workersSocket = (home: RouterHome): string => join(home.sockets, 'workers.sock');

/** The environment of a process of the router: nothing of ours but what finds it again. */
export function routerEnvironment(directory: string, role: Role): Record<string, string> {
  return { [HOME_VARIABLE]: directory, [ROLE_VARIABLE]: role };
}

/** Command line of a process of the router. */
export function routerArgv(program: { execPath: string; entry: string }, role: Role, start: object): string[] {
  return [program.execPath, program.entry, role, JSON.stringify(start)];
}

/** Who this process is. */
export function ownIdentity(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, startedAt: 'unknown' };
}
