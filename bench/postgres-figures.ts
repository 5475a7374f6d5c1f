import { loadavg } from 'node:os';
import type { Measured } from './measure-command.ts';

/** What an act took, with what the live server took for it. */
export type Cost = Measured & { serverS: number };

/** The same acts on the same kind of data, once little of it and once all. */
export interface Sized<Acts> {
  gib: number;
  acts: Acts;
}

const GIB = 1024 ** 3;
export const gibOf = (bytes: number): number => bytes / GIB;

/** Whether every goal so far was met. */
export let isGood = true;

export function heading(): string {
  return `${'what'.padEnd(46)} wall s   CPU s  server  peak MiB  stored MB`;
}

export function row(what: string, measured: Cost, bytes: number): void {
  const numbers = [measured.wallS.toFixed(1), measured.cpuS.toFixed(1), measured.serverS.toFixed(1)];
  const memory = measured.peakMiB === 0 ? '-' : measured.peakMiB.toFixed(0);
  const stored = bytes === 0 ? '-' : (bytes / 1e6).toFixed(0);
  const cells = [...numbers.map((cell) => cell.padStart(7)), memory.padStart(9), stored.padStart(10)];
  const held = measured.peakOf.includes(',') ? `  (${measured.peakOf})` : '';
  console.log(`${what.padEnd(46)}${cells.join(' ')}${held}`);
}

/**
 * A figure a GiB is judged as it is: all of what was measured at the larger size, divided by it. Beside it stands what of that does not grow with
 * the data (start of the program, its database, its connections) and what a GiB more takes, from both sizes.
 */
export function goalOfSize<Acts>(
  what: string,
  [small, large]: [Sized<Acts>, Sized<Acts>],
  order: { limit: number; of: (acts: Acts) => number },
): void {
  const whole = order.of(large.acts);
  const aGib = (whole - order.of(small.acts)) / (large.gib - small.gib);
  const fixed = whole - aGib * large.gib;
  goal(what, whole / large.gib, order.limit, `${fixed.toFixed(1)} and ${aGib.toFixed(1)} a GiB`);
}

export function goal(what: string, measured: number, limit: number, parts = ''): void {
  const isMet = measured <= limit;
  isGood &&= isMet;
  const told = `${measured.toFixed(1).padStart(7)}  goal <= ${String(limit).padEnd(4)} ${isMet ? 'PASS' : 'FAIL'}`;
  console.log(`${what.padEnd(46)} ${told}${parts === '' ? '' : `  (${parts})`}`);
}

/** With what else the machine has to do, without which no second says anything. */
export function loadNow(): string {
  return `load ${loadavg()[0]?.toFixed(1) ?? '?'}`;
}
