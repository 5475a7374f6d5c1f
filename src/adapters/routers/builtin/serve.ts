import { isProblem } from '../../../core/release/problem.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { writeAtomically } from '../../../platform/files.ts';
import { note } from './note.ts';
import { openSocket } from './open-socket.ts';
import { runPrimary } from './primary.ts';
import type { PrimaryStart } from './primary.ts';
import { failureFile } from './router-home.ts';
import type { RouterHome, WorkerStart } from './router-home.ts';
import { runWorker } from './worker.ts';

/** What the adapter reads when a start fails. */
export interface StartFailure {
  /** The error code of the system, or the kind of the problem. */
  code: string;
  message: string;
  next: string | null;
}

/** The entry of every process of the router: `serve.js open|primary|worker '<start as JSON>'`. */
async function serve(role: string | undefined, start: unknown): Promise<void> {
  process.on('SIGINT', () => undefined); // Ctrl-C in the terminal of whoever started us is not meant for us
  process.on('SIGHUP', () => undefined);
  switch (role) {
    case 'open':
      return openSocket(start as RouterHome);
    case 'primary':
      return runPrimary(start as PrimaryStart);
    case 'worker':
      return runWorker(start as WorkerStart);
    default:
      throw new Error(`unknown role ${String(role)}`);
  }
}

async function fail(role: string | undefined, start: unknown, error: unknown): Promise<never> {
  const message = error instanceof Error ? error.message : String(error);
  note(`${String(role)} failed: ${message}`);
  const home = role === 'open' ? (start as RouterHome) : (start as PrimaryStart).home;
  const code = isProblem(error) ? error.kind : errorCode(error) || 'internal';
  const failure: StartFailure = { code, message, next: isProblem(error) ? error.next : null };
  if (role !== 'worker')
    await writeAtomically(failureFile(home.directory), JSON.stringify(failure)).catch(() => undefined);
  process.exit(1);
}

const [, , role, text] = process.argv;
const start: unknown = JSON.parse(text ?? '{}');
await serve(role, start).catch((error: unknown) => fail(role, start, error));
