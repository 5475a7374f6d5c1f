import { spawn } from 'node:child_process';
import type { Server } from 'node:net';

export interface SocketHeir {
  argv: string[];
  cwd: string;
  /** The whole environment of the child. */
  environment: Record<string, string>;
  /** A listening socket; the child finds it as file descriptor 3. */
  socket: Server | number;
}

/** The file descriptor under which the child finds the socket. */
export const INHERITED_SOCKET = 3;

/**
 * Starts a process in a session of its own that inherits a listening socket and our output, and returns its pid.
 * Synchronous: the caller can close its own copy before the event loop turns, so that it never accepts a connection it will not answer.
 * `onExit` is called once, also when the program cannot be started.
 */
export function startWithSocket(request: SocketHeir, onExit: () => void): number | null {
  const [program = '', ...rest] = request.argv;
  const child = spawn(program, rest, {
    cwd: request.cwd,
    env: request.environment,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', descriptorOf(request.socket)],
  });
  child.once('error', onExit);
  child.once('exit', onExit);
  child.unref();
  return child.pid ?? null;
}

/** Node shows the descriptor of a server only on its handle; without it there is nothing to hand over. */
function descriptorOf(socket: Server | number): number {
  if (typeof socket === 'number') return socket;
  const handle: unknown = Reflect.get(socket, '_handle');
  const descriptor: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : null;
  if (typeof descriptor !== 'number' || descriptor < 0) throw new Error('the socket is not listening');
  return descriptor;
}
