import { connect, createServer } from 'node:net';
import { isProblem, problem } from '../core/release/problem.ts';
import { errorCode } from './error-code.ts';

const CONNECT_LIMIT_MS = 1000; // loopback answers in well under 1 ms; a full backlog is silent for ever

/** Whether the address can be listened on right now. It may be taken a moment later: whoever starts something there must look again. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return listenOnce(host, port).then(
    () => true,
    (error: unknown) => {
      if (isProblem(error)) throw error;
      return false;
    },
  );
}

/** A TCP port on which nothing listens, chosen by the operating system. */
export function chooseFreePort(host: string): Promise<number> {
  return listenOnce(host, 0);
}

/** Whether something accepts a TCP connection there within one second; says nothing about who it is. */
export function isPortOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.setTimeout(CONNECT_LIMIT_MS, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (errorCode(error) === 'EADDRINUSE') return reject(error);
      const next = 'Choose another port (above 1023 for an ordinary user) or host.';
      reject(problem('not-permitted', `cannot listen on ${host}:${port}: ${error.message}`, { next, cause: error }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}
