import { isCeiling, type Comparison, type Quantity } from './criterion.ts';
import type { Fault } from './fault.ts';
import { numberOf, type Word } from './split-words.ts';

const UNITS: readonly (readonly [string, number])[] = [
  ['ms msec millisecond milliseconds', 0.001],
  ['s sec secs second seconds', 1],
  ['m min mins minute minutes', 60],
  ['h hr hour hours', 3600],
  ['day days', 86_400],
];
const SECONDS = new Map(UNITS.flatMap(([names, seconds]) => names.split(' ').map((name) => [name, seconds] as const)));

/** The unit a word is, as seconds; null when it is no unit of time. */
export function unitSeconds(word: Word | undefined): number | null {
  return word?.kind === 'word' ? (SECONDS.get(word.text.toLowerCase()) ?? null) : null;
}

/** Whether the word can be the unit of a number: `%`, `percent`, or a unit of time. */
export function isUnit(word: Word | undefined): boolean {
  return word !== undefined && (isPercent(word) || unitSeconds(word) !== null);
}

function isPercent(word: Word): boolean {
  return word.kind === 'percent' || word.text.toLowerCase() === 'percent';
}

/** The limit in the unit of the quantity: fractions, seconds, or plain numbers. A missing or foreign unit is refused, never guessed. */
export function parseLimit(quantity: Quantity, value: Word, unit: Word | null): { limit: number } | Fault {
  switch (quantity.name) {
    case 'error rate':
    case 'uptime':
    case 'memory':
      return share(quantity.name, value, unit);
    case 'response time':
      return time(value, unit);
    case 'failed health checks':
    case 'metric':
      return plain(quantity.name, value, unit);
  }
}

function share(name: string, value: Word, unit: Word | null): { limit: number } | Fault {
  const number = numberOf(value);
  if (unit === null || !isPercent(unit)) {
    const message = unit === null ? `${value.text} has no unit` : `${name} is a share, it has no "${unit.text}"`;
    const fraction =
      number > 0 && number < 1 ? ` (or ${tidy(number * 100)}% if ${value.text} is meant as a fraction)` : '';
    return { message, offset: unit?.offset ?? value.offset, fix: `Write \`${value.text}%\`${fraction}.` };
  }
  if (number < 0 || number > 100)
    return {
      message: `${value.text}% is not between 0% and 100%`,
      offset: value.offset,
      fix: 'Write a share between 0% and 100%.',
    };
  return { limit: tidy(number / 100) };
}

function time(value: Word, unit: Word | null): { limit: number } | Fault {
  const seconds = unit === null ? null : unitSeconds(unit);
  if (seconds === null) {
    const message = unit === null ? `${value.text} has no unit` : `a response time is not measured in "${unit.text}"`;
    return { message, offset: unit?.offset ?? value.offset, fix: `Write \`${value.text} ms\` or \`${value.text} s\`.` };
  }
  const limit = tidy(numberOf(value) * seconds);
  if (limit < 0)
    return {
      message: `a response time is never below 0`,
      offset: value.offset,
      fix: 'Write a time above 0, e.g. `300 ms`.',
    };
  return { limit };
}

function plain(name: 'failed health checks' | 'metric', value: Word, unit: Word | null): { limit: number } | Fault {
  const number = numberOf(value);
  if (unit !== null) {
    const message =
      name === 'metric'
        ? `a metric has the unit it was written with, "${unit.text}" cannot be converted`
        : `a count has no "${unit.text}"`;
    return {
      message,
      offset: unit.offset,
      fix: `Write the plain number as the metric reports it, e.g. \`> ${value.text}\`.`,
    };
  }
  if (name === 'failed health checks' && (number < 0 || !Number.isInteger(number))) {
    return {
      message: `${value.text} is not a count`,
      offset: value.offset,
      fix: 'Write a whole number, e.g. `more than 3 failed health checks in 10 minutes`.',
    };
  }
  return { limit: number };
}

/** Refuses a limit that names the good side: criteria say when to act, and guessing which was meant could roll a good version back. */
export function refuseGoodSide(
  quantity: Quantity,
  comparison: Comparison,
  at: { offset: number; limit: string },
): Fault | null {
  if (quantity.name === 'metric') return null;
  const badAbove = quantity.name !== 'uptime';
  if (isCeiling(comparison) === badAbove) return null;
  const fixed = `${badAbove ? '>' : '<'} ${at.limit}`;
  return {
    message: `this is the good side of the limit; a criterion says when to act`,
    offset: at.offset,
    fix: `Write \`${fixed}\`.`,
  };
}

/** Without the dust of binary fractions: 0.1 + 0.2 becomes 0.3. 12 digits are far more than anybody writes. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
