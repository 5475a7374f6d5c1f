import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runShipway, startShipway } from './run-shipway.ts';
import type { Ended, RunOptions, RunningShipway } from './run-shipway.ts';
import { waitUntil } from './wait-until.ts';

type CommandOptions = Omit<RunOptions, 'directory'>;

/** A throw-away project: a folder with a release file, and every process that lives in it. */
export interface TemporaryProject {
  readonly directory: string;
  /** Writes a file below the project, making folders as needed; returns its absolute path. */
  write(path: string, content: string, mode?: number): string;
  read(path: string): string;
  run(args: string[], options?: CommandOptions): Promise<Ended>;
  start(args: string[], options?: CommandOptions): RunningShipway;
  /** Starts any program in the project; ended with the project. */
  spawn(argv: string[], options?: SpawnOptions): ChildProcess;
  /** Ends every process that works in the project or was started for it, then deletes the folder. Twice is harmless. */
  remove(): Promise<void>;
}

/** Makes the project. `files` maps paths to contents; `shipway.yaml` is usually among them. */
export function createTemporaryProject(files: Record<string, string> = {}): TemporaryProject {
  // The real path: processes report it, and /tmp is a link on some systems.
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-test-')));
  // The embedded database runs as another user under root, and must be able to walk through.
  chmodSync(directory, 0o755);
  const started = new Set<number>();
  const write = (path: string, content: string, mode = 0o644): string => {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
    return file;
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  return {
    directory,
    write,
    read: (path) => readFileSync(join(directory, path), 'utf8'),
    run: (args, options) => runShipway(args, { ...options, directory }),
    start: (args, options) => {
      const running = startShipway(args, { ...options, directory });
      started.add(running.pid);
      void running.ended.finally(() => started.delete(running.pid)).catch(() => undefined);
      return running;
    },
    spawn: (argv, options) => {
      const child = spawn(argv[0] ?? 'true', argv.slice(1), { cwd: directory, stdio: 'ignore', ...options });
      if (child.pid !== undefined) started.add(child.pid);
      child.once('exit', () => child.pid !== undefined && started.delete(child.pid));
      return child;
    },
    remove: async () => {
      await endProcesses(directory, started);
      for (const folder of socketFolders(directory)) rmSync(folder, { recursive: true, force: true });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A released service outlives shipway by design, so what runs is found by where it works, not by who started it. */
async function endProcesses(directory: string, started: Set<number>): Promise<void> {
  const signalAll = (signal: NodeJS.Signals): boolean => {
    const pids = new Set([...started, ...processesIn(directory)]);
    for (const pid of pids) signalOne(pid, signal);
    return pids.size > 0;
  };
  if (!signalAll('SIGTERM')) return;
  const isEmpty = (): boolean => processesIn(directory).length === 0 && ![...started].some(isAlive);
  try {
    await waitUntil('the processes of the project to end on SIGTERM', isEmpty, { limitSeconds: 5 });
  } catch {
    await waitUntil('the processes of the project to be gone after SIGKILL', () => !signalAll('SIGKILL') || isEmpty());
  }
}

/** Outside of the project, because the path of a socket has to be short: of its own PostgreSQL, and of its routers. */
function socketFolders(directory: string): string[] {
  const state = join(directory, '.shipway');
  const routers = join(state, 'routers');
  const homes = existsSync(routers) ? readdirSync(routers).map((name) => join(routers, name, 'router.json')) : [];
  const named = [join(state, 'postgres.json'), ...homes].filter(existsSync).flatMap((path) => {
    const { socketDirectory, sockets } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    return [socketDirectory, sockets].filter((folder) => typeof folder === 'string');
  });
  return named.filter((folder) => /^shipway-[0-9a-z]{10,12}(-[a-z2-7]+)?$/.test(basename(folder)));
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in the meantime, which is what was wanted.
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes whose working directory is the project or below it, or whose environment names it. Linux only; elsewhere none. */
function processesIn(directory: string): number[] {
  return listProcesses().filter((pid) => pid !== process.pid && isAlive(pid) && belongsTo(pid, directory));
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function belongsTo(pid: number, directory: string): boolean {
  try {
    const works = readlinkSync(`/proc/${pid}/cwd`);
    if (works === directory || works.startsWith(`${directory}/`)) return true;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return command.some((word) => word.includes(`${directory}/`));
  } catch {
    return false; // it has ended, or belongs to another user: then it is not ours
  }
}
