import { spawn, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { waitUntil } from './wait-until.ts';

/** Keys as a terminal sends them. */
export const KEYS = { down: '\u001B[B', enter: '\r', interrupt: '\u0003' };

/** A program that believes that a person sits before it. */
export interface OnTerminal {
  /** What stands on the screen so far, without colours. */
  screen(): string;
  /** Waits for the text, then types. */
  answer(text: string, keys: string): Promise<void>;
  readonly ended: Promise<number | null>;
}

/** Why no terminal can be made here; empty when one can. `script` of util-linux makes it. */
export function terminalReason(): string {
  const found = spawnSync('script', ['--version'], { encoding: 'utf8' });
  return found.status === 0 && found.stdout.includes('util-linux') ? '' : 'needs script of util-linux';
}

/** Starts the program on a terminal of its own. */
export function startOnTerminal(
  argv: string[],
  { directory, environment }: { directory: string; environment: Record<string, string> },
): OnTerminal {
  const words = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  // A terminal without a size breaks every line after each letter.
  const command = `stty cols 160 rows 40; exec ${words}`;
  const child = spawn('script', ['--quiet', '--return', '--echo', 'never', '--command', command, '/dev/null'], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TERM: 'xterm', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  }
  const screen = (): string => stripVTControlCharacters(text);
  return {
    screen,
    async answer(wanted, keys) {
      await waitUntil(`"${wanted}" on the screen`, () => screen().includes(wanted), { limitSeconds: 120 });
      child.stdin.write(keys);
    },
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    }),
  };
}
