/** Milliseconds per unit, the short word first; longest unit first, because `1h30m` must descend. */
const DURATION_UNITS: readonly { words: readonly string[]; milliseconds: number }[] = [
  { words: ['w', 'week', 'weeks'], milliseconds: 604_800_000 },
  { words: ['d', 'day', 'days'], milliseconds: 86_400_000 },
  { words: ['h', 'hr', 'hrs', 'hour', 'hours'], milliseconds: 3_600_000 },
  { words: ['m', 'min', 'mins', 'minute', 'minutes'], milliseconds: 60_000 },
  { words: ['s', 'sec', 'secs', 'second', 'seconds'], milliseconds: 1000 },
  { words: ['ms', 'millisecond', 'milliseconds'], milliseconds: 1 },
];

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** Nothing sensible is longer, and a longer text would make the pattern work for nothing. */
const TEXT_LENGTH_MAX = 64;

/** For editors: the texts that `parseDuration` accepts (it also wants the units in descending order). */
export const DURATION_PATTERN = '^\\s*(\\d+(\\.\\d+)?\\s*[A-Za-z]+\\s*)+$';
export const BYTE_SIZE_PATTERN = '^\\s*\\d+(\\.\\d+)?\\s*([KkMmGgTt][Ii]?)?[Bb]\\s*$';
export const PERCENTAGE_PATTERN = '^\\s*\\d+(\\.\\d+)?\\s*%\\s*$';

/** Seconds (with fractions) of `30s`, `500ms`, `1h30m`, `2 weeks`; null for anything else, also for a number without a unit. */
export function parseDuration(text: string): number | null {
  if (text.length > TEXT_LENGTH_MAX || !new RegExp(DURATION_PATTERN).test(text)) return null;
  let milliseconds = 0;
  let lastUnit = -1;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)\s*([A-Za-z]+)/g)) {
    const unit = DURATION_UNITS.findIndex((one) => one.words.includes((part[2] ?? '').toLowerCase()));
    if (unit <= lastUnit) return null;
    lastUnit = unit;
    milliseconds += Number(part[1]) * (DURATION_UNITS[unit]?.milliseconds ?? Number.NaN);
  }
  // Rounded to the microsecond: 0.1 + 0.2 must not show as 0.30000000000000004 in a plan.
  return Number.isFinite(milliseconds) ? Math.round(milliseconds * 1000) / 1e6 : null;
}

/** Whole bytes of `256MiB`, `1.5 GB`, `100 B` (KB = 1000, KiB = 1024); null for anything else. */
export function parseByteSize(text: string): number | null {
  if (text.length > TEXT_LENGTH_MAX) return null;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text);
  const factor = BYTE_UNITS[(match?.[2] ?? '').toUpperCase()];
  if (match === null || factor === undefined) return null;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The fraction of `5%` (0.05); null without the sign. */
export function parsePercentage(text: string): number | null {
  const match = text.length > TEXT_LENGTH_MAX ? null : /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text);
  if (match === null) return null;
  const fraction = Number((Number(match[1]) / 100).toPrecision(12));
  return Number.isFinite(fraction) ? fraction : null;
}

/** The shortest text that `parseDuration` reads as the same number of seconds: 5400 → `1h30m`. */
export function writeDuration(seconds: number): string {
  let rest = Math.round(seconds * 1000);
  let text = '';
  for (const unit of DURATION_UNITS) {
    const count = Math.floor(rest / unit.milliseconds);
    if (count > 0) text += `${count}${unit.words[0]}`;
    rest -= count * unit.milliseconds;
  }
  return text === '' ? '0s' : text;
}

// The complaints below have two lines: what is wrong, then what to write. The reader of the release file prints the second as the fix.

/** Why a value is not a duration, and what to write. */
export function explainDuration(value: unknown): string {
  if (value === undefined) return 'is missing\nWrite a duration like 30s, 5m or 1h30m.';
  if (typeof value === 'number' || (typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value))) {
    const amount = String(value).trim();
    return `is a number without a unit\nWrite the unit: ${amount}s, ${amount}m or ${amount}h.`;
  }
  return 'is not a duration\nWrite a number and a unit: 500ms, 30s, 5m, 2h, 1h30m, 3 days or 2 weeks.';
}

/** Why a value is not a size in bytes, and what to write. */
export function explainByteSize(value: unknown): string {
  if (value === undefined) return 'is missing\nWrite a size like 256MiB.';
  if (typeof value === 'number' || (typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value))) {
    const amount = String(value).trim();
    return `is a number without a unit\nWrite the unit: ${amount}MiB, ${amount}GiB or ${amount}B.`;
  }
  return 'is not a size\nWrite a number and a unit: 512KiB, 256MiB, 2GiB (or KB, MB, GB for powers of 1000).';
}

/** Why a value is not a percentage, and what to write. */
export function explainPercentage(value: unknown): string {
  if (value === undefined) return 'is missing\nWrite a percentage like 5%.';
  return `is not a percentage\nWrite a number and the sign: ${typeof value === 'number' ? value : 5}%.`;
}

/** Why a value is not a list of command arguments, and what to write. */
export function explainArgv(value: unknown): string {
  if (value === undefined) return 'is missing\nWrite the program and its arguments as a list: [npm, test].';
  if (typeof value === 'string') {
    const plain = /^[\w./$:@=-]+( +[\w./$:@=-]+)*$/.test(value) && value.length <= TEXT_LENGTH_MAX;
    const list = plain ? `[${value.split(/ +/).join(', ')}]` : '[npm, test]';
    return `is one text, and no shell will split it\nWrite the program and its arguments as a list: ${list}.`;
  }
  return 'is not a list of command arguments\nWrite the program and its arguments as a list: [npm, test].';
}
