import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 5; // a child process lives for a hundred times as long

/** What every user of the machine read in the process list while it ran: each command line once. */
export async function watchArguments(act: () => Promise<unknown>): Promise<string[]> {
  const seen = new Set<string>();
  let isOver = false;
  const acting = act().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) seen.add(argumentsOf(pid));
    await pause(EVERY_MS); // how often is looked; the end is the end of the act
  }
  await acting;
  return [...seen];
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // it ended meanwhile
  }
}
