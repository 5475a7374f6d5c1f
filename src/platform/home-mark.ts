import { createHash } from 'node:crypto';

/** The variable by which a process tells which project's shipway started it; several projects on one machine count their releases alike. */
export const HOME_MARK = 'SHIPWAY_HOME';

/** A short name of a project's state folder without blanks, so that every system's process table can show it. */
export function homeMark(stateDirectory: string): string {
  return createHash('sha256').update(stateDirectory).digest('hex').slice(0, 16);
}
