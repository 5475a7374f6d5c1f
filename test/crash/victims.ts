import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Who is killed. */
export const VICTIMS = ['shipway', 'postgres', 'router', 'new version'] as const;
export type Victim = (typeof VICTIMS)[number];

/** Process numbers of a victim that belong to the project; the release tells which version is the new one. */
export function findVictim(victim: Exclude<Victim, 'shipway'>, directory: string, release: string): number[] {
  return listProcesses().filter((pid) => isVictim(pid, victim, { directory, release }));
}

/** Executors of the project. One that is idle takes the next release with the environment it was started with, so tests wait for its end. */
export function findExecutors(directory: string): number[] {
  return listProcesses().filter((pid) => {
    const command = read(`/proc/${pid}/cmdline`).split('\0');
    return (
      command.includes('engine') &&
      command.some((word) => word.endsWith('bin/shipway.js')) &&
      workingFolder(pid) === directory
    );
  });
}

/** Kills at once; a process that is gone already is what was wanted. */
export function killAll(pids: number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}

function isVictim(
  pid: number,
  victim: Exclude<Victim, 'shipway'>,
  of: { directory: string; release: string },
): boolean {
  const command = read(`/proc/${pid}/cmdline`).split('\0');
  switch (victim) {
    case 'postgres':
      return isPostmasterOf(pid, command, of.directory);
    case 'router':
      return (
        command.some((word) => word.includes('routers/builtin/serve')) &&
        command.some((word) => word.includes(of.directory))
      );
    case 'new version':
      return (
        read(`/proc/${pid}/environ`).split('\0').includes(`SHIPWAY_RELEASE=${of.release}`) &&
        command.some((word) => word.includes('crash/service.mjs'))
      );
  }
}

/** The postmaster itself, not its children: its data directory is the one that the project names. */
function isPostmasterOf(pid: number, command: string[], directory: string): boolean {
  if (!command[0]?.endsWith('/postgres')) return false;
  const place = read(`${directory}/.shipway/postgres.json`);
  const data = command[command.indexOf('-D') + 1] ?? '';
  return data !== '' && place.includes(data) && pid > 0;
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

function listProcesses(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
