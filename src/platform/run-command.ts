import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, fchmodSync, openSync, statSync } from 'node:fs';
import { problem, type Problem } from '../core/release/problem.ts';
import { realClock, TIMER_MS_MAX } from './clock.ts';
import { errorCode } from './error-code.ts';
import { randomId } from './ids.ts';
import { collectOutput, passOutput, type OutputCollector } from './collect-output.ts';
import { tableUnreadable } from './process-reader.ts';
import { identifyChild, stopByEnvironment, stopGroup, type ProcessIdentity } from './process-table.ts';
import { redact } from './redact.ts';

export interface CommandRequest {
  /** Program and arguments; no shell unless the program is one. */
  argv: string[];
  cwd: string;
  /** The whole environment of the child. */
  environment: Record<string, string>;
  timeoutSeconds: number;
  signal?: AbortSignal;
  /** Exported to the child as SHIPWAY_STEP, so that a later executor finds and ends what an earlier one left. */
  token?: string;
  input?: string;
  /** Read as stdin, straight from the disk: nothing of it passes through our memory. */
  inputFile?: string;
  /** Gets stdout, straight to the disk, unmasked; written anew, for its owner only (0600). The `stdout` of the result is then empty. */
  outputFile?: string;
  /** Gets stdout as it comes, unmasked, piece by piece; must not throw. The `stdout` of the result is then empty. */
  onOutput?: (chunk: Buffer) => void;
  /** How much of the end of stdout and of stderr is kept, each; default 256 KiB. */
  outputLimitBytes?: number;
  /** Every line of both streams, masked. */
  onLine?: (line: string) => void;
  /** Between SIGTERM and SIGKILL; default 5. */
  graceSeconds?: number;
  /** Run as this user; needs root. */
  uid?: number;
  gid?: number;
}

export interface CommandResult {
  /** Null when a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** How much came on stdout; more than the limit means that `stdout` is only the end of it. */
  stdoutBytes: number;
  timedOut: boolean;
  aborted: boolean;
  durationMs: number;
}

const OUTPUT_LIMIT_BYTES = 256 * 1024; // the last few thousand lines: what a person reads to see why it failed
const GRACE_SECONDS = 5;
// A program in the background may hold the pipe for ever; what was written before its parent ended arrives within milliseconds.
const PIPE_QUIET_MS = 300;
const PIPE_LIMIT_MS = 3000;
/** Marks everything that one call started, also what has left the process group; SHIPWAY_STEP may be shared by several calls. */
const RUN_MARK = 'SHIPWAY_RUN';

type Ending = 'exited' | 'timed-out' | 'aborted';

/**
 * Runs a program to its end. A non-zero exit is a result; a program that cannot be started is a Problem `command-failed`.
 * At the time limit or on abort the process group and whatever escaped from it get SIGTERM, then SIGKILL after the grace.
 */
export async function runCommand(request: CommandRequest): Promise<CommandResult> {
  const startedMs = performance.now();
  if (request.signal?.aborted) return abortedBeforeStart();
  const run = randomId();
  const marks = { [RUN_MARK]: run, ...(request.token === undefined ? {} : { SHIPWAY_STEP: request.token }) };
  const environment = { ...request.environment, ...marks };
  const child = await startOnFiles({ ...request, environment });
  const limit = request.outputLimitBytes ?? OUTPUT_LIMIT_BYTES;
  const stdout = request.onOutput
    ? passOutput(child.stdout, request.onOutput)
    : collectOutput(child.stdout, limit, request.onLine);
  const stderr = collectOutput(child.stderr, limit, request.onLine);
  feedInput(child, request.input);
  const ending = await waitForEnd(child, request);
  if (ending !== 'exited') await stopEverything(child, run, request.graceSeconds ?? GRACE_SECONDS);
  await drain([stdout, stderr]);
  return {
    exitCode: child.exitCode,
    signal: child.signalCode,
    stdout: stdout.finish(),
    stderr: stderr.finish(),
    stdoutBytes: stdout.bytes(),
    timedOut: ending === 'timed-out',
    aborted: ending === 'aborted',
    durationMs: performance.now() - startedMs,
  };
}

/** The child has its own handles of the files from the start on; ours are closed again. */
async function startOnFiles(request: CommandRequest): Promise<ChildProcess> {
  const handles: number[] = [];
  const open = (path: string | undefined, flags: 'r' | 'w'): number | null => {
    if (path === undefined) return null;
    const handle = openFor(path, flags);
    handles.push(handle);
    return handle;
  };
  try {
    const stdin = open(request.inputFile, 'r') ?? (request.input === undefined ? 'ignore' : 'pipe');
    return await start(request, [stdin, open(request.outputFile, 'w') ?? 'pipe', 'pipe']);
  } finally {
    handles.forEach((handle) => closeSync(handle));
  }
}

export interface DetachedRequest {
  argv: string[];
  cwd: string;
  environment: Record<string, string>;
  /** Gets stdout and stderr, appended; created for its owner only (0600). Not masked: whoever shows it masks it. */
  outputFile: string;
  uid?: number;
  gid?: number;
}

/** Starts a program that outlives us, in a session of its own, and comes back when it is running. */
export async function startDetached(request: DetachedRequest): Promise<ProcessIdentity> {
  const output = openFor(request.outputFile, 'a');
  try {
    const child = await start(request, ['ignore', output, output]);
    child.unref();
    const identity = startIdentities.get(child);
    if (identity === undefined) throw new Error('a started process has no identity');
    detached.set(identity, child);
    return identity;
  } finally {
    closeSync(output);
  }
}

const detached = new WeakMap<ProcessIdentity, ChildProcess>();

/** How a process ended that this run started with startDetached, given the very identity it returned; null while it runs or if not known. */
export function endingOf(identity: ProcessIdentity): string | null {
  const child = detached.get(identity);
  if (child === undefined) return null;
  if (child.exitCode !== null) return `exit code ${child.exitCode}`;
  return child.signalCode === null ? null : `signal ${child.signalCode}`;
}

type StartRequest = Pick<DetachedRequest, 'argv' | 'cwd' | 'environment' | 'uid' | 'gid'>;

/** Who each child is, taken in the moment of its start: later a short-lived child has left the table. */
const startIdentities = new WeakMap<ChildProcess, ProcessIdentity>();

async function start(request: StartRequest, stdio: SpawnOptions['stdio']): Promise<ChildProcess> {
  const [program, ...args] = request.argv;
  if (program === undefined || program === '') throw nothingToRun(request.cwd);
  checkDirectory(program, request.cwd);
  const ids = {
    ...(request.uid === undefined ? {} : { uid: request.uid }),
    ...(request.gid === undefined ? {} : { gid: request.gid }),
  };
  const options: SpawnOptions = {
    cwd: request.cwd,
    env: request.environment,
    stdio: stdio ?? 'ignore',
    detached: true,
    ...ids,
  };
  let child: ChildProcess;
  try {
    child = spawn(program, args, options);
  } catch (error) {
    throw notStarted(program, request.cwd, error);
  }
  if (child.pid === undefined) {
    const [error] = await once(child, 'error');
    throw notStarted(program, request.cwd, error);
  }
  startIdentities.set(child, identityOrEnd(child, child.pid));
  return child;
}

/** A program that cannot be told from others could be neither stopped nor found again, so it must not run. */
function identityOrEnd(child: ChildProcess, pid: number): ProcessIdentity {
  try {
    const identity = identifyChild(pid);
    if (identity === null) throw tableUnreadable(null);
    return identity;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function feedInput(child: ChildProcess, input: string | undefined): void {
  if (input === undefined) return;
  // A program may end without reading its input: that is its right, and its exit code tells how it went.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
}

function waitForEnd(child: ChildProcess, request: CommandRequest): Promise<Ending> {
  return new Promise((resolve) => {
    const onAbort = (): void => end('aborted');
    const timer = setTimeout(() => end('timed-out'), Math.min(request.timeoutSeconds * 1000, TIMER_MS_MAX));
    const end = (ending: Ending): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      resolve(ending);
    };
    child.once('exit', () => end('exited'));
    request.signal?.addEventListener('abort', onAbort, { once: true });
    if (request.signal?.aborted) onAbort();
  });
}

async function stopEverything(child: ChildProcess, run: string, graceSeconds: number): Promise<void> {
  const identity = startIdentities.get(child);
  const exited = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
  await Promise.all([
    identity && stopGroup(identity, graceSeconds, realClock),
    stopByEnvironment(RUN_MARK, (value) => value === run, graceSeconds, realClock),
  ]);
  await exited;
}

/** Waits for the end of the output; ends the wait when a program in the background keeps the pipe open and quiet. */
async function drain(outputs: OutputCollector[]): Promise<void> {
  const deadline = performance.now() + PIPE_LIMIT_MS;
  const ended = Promise.all(outputs.map((output) => output.ended)).then(() => true);
  for (;;) {
    const before = outputs.map((output) => output.bytes()).join();
    const isEnded = await Promise.race([ended, realClock.sleep(PIPE_QUIET_MS).then(() => false)]);
    const isQuiet = before === outputs.map((output) => output.bytes()).join();
    if (isEnded || isQuiet || performance.now() > deadline) return;
  }
}

function abortedBeforeStart(): CommandResult {
  return {
    exitCode: null,
    signal: null,
    stdout: '',
    stderr: '',
    stdoutBytes: 0,
    timedOut: false,
    aborted: true,
    durationMs: 0,
  };
}

function openFor(path: string, flags: 'r' | 'w' | 'a'): number {
  try {
    const file = openSync(path, flags, 0o600);
    if (flags !== 'r') fchmodSync(file, 0o600); // it may exist with wider rights from elsewhere
    return file;
  } catch (error) {
    const [what, next] =
      flags === 'r'
        ? ['input', `Check that ${path} exists and that this user may read it.`]
        : ['output', `Create the folder of ${path} and make it writable for this user.`];
    const text = `the ${what} file cannot be opened: ${reasonOf(error)}`;
    throw problem('command-failed', text, { where: path, next, cause: error });
  }
}

function checkDirectory(program: string, cwd: string): void {
  const stopped = (why: string, next: string): Problem =>
    problem('command-failed', `${redact(program)} was not started: ${why}`, { where: cwd, next });
  let isDirectory: boolean;
  try {
    isDirectory = statSync(cwd).isDirectory();
  } catch (error) {
    if (errorCode(error) === 'EACCES')
      throw stopped(`the folder ${cwd} may not be entered`, `Give this user access to ${cwd}.`);
    throw stopped(`the folder ${cwd} does not exist`, `Create ${cwd} or correct the folder in the release file.`);
  }
  if (!isDirectory) throw stopped(`${cwd} is not a folder`, 'Correct the folder in the release file.');
  try {
    accessSync(cwd, constants.X_OK);
  } catch {
    throw stopped(`the folder ${cwd} may not be entered`, `Give this user access to ${cwd}.`);
  }
}

function nothingToRun(cwd: string): Problem {
  return problem('command-failed', 'a command is empty', { where: cwd, next: 'Write the program and its arguments.' });
}

function notStarted(program: string, cwd: string, error: unknown): Problem {
  const name = redact(program);
  const [why, next] = startFailure(name, errorCode(error), error);
  return problem('command-failed', `${name} was not started: ${why}`, { where: cwd, next, cause: error });
}

function startFailure(name: string, code: string, error: unknown): [why: string, next: string] {
  switch (code) {
    case 'ENOENT':
      return name.includes('/')
        ? ['there is no such file, or the interpreter in its first line is missing', `Check the path ${name}.`]
        : ['the program was not found in PATH', `Install ${name}, or write its full path.`];
    case 'EACCES':
      return ['this user may not execute it', `Make it executable: chmod +x ${name}`];
    case 'EPERM':
      return ['this user may not start it as another user', 'Run shipway as root, or without another user.'];
    case 'E2BIG':
      return ['its arguments and environment are too long', 'Hand the data over in a file or as input.'];
    case 'EAGAIN':
    case 'ENOMEM':
      return ['the machine has no room for another process', 'End other programs or raise the limit (ulimit -u).'];
    default:
      return [redact(reasonOf(error)), `Start ${name} by hand in the same folder to see what is wrong.`];
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
