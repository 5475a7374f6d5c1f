import { hostname } from 'node:os';

/** The built-in memory belongs to one project; in a team's database the machine and the folder tell projects apart. */
export function projectName(directory: string): string {
  return process.env['SHIPWAY_DATABASE_URL'] === undefined ? 'this' : `${hostname()}:${directory}`;
}
