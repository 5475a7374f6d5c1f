import { isCounted, type Comparison, type Criterion, type CriterionAction, type Quantity } from './criterion.ts';
import { isFault, type Fault } from './fault.ts';
import { isUnit, parseLimit, refuseGoodSide, unitSeconds } from './parse-limit.ts';
import { parseQuantity } from './parse-quantity.ts';
import { numberOf, splitWords, type Word } from './split-words.ts';

const COMPARISONS: readonly (readonly [string, Comparison])[] = [
  ...(['>=', '=>', '≥', 'at least', 'no less than'] as const).map((words) => [words, 'at-least'] as const),
  ...(['<=', '=<', '≤', 'at most', 'no more than'] as const).map((words) => [words, 'at-most'] as const),
  ...(
    ['>', 'more than', 'greater than', 'higher than', 'over', 'above', 'exceeds', 'exceed', 'exceeding'] as const
  ).map((words) => [words, 'above'] as const),
  ...(['<', 'less than', 'fewer than', 'lower than', 'below', 'under'] as const).map(
    (words) => [words, 'below'] as const,
  ),
];
// Words between the quantity and the comparison that add nothing: "error rate rises above 1%".
const VERBS = ['is', 'are', 'was', 'stays', 'rises', 'goes', 'gets', 'drops', 'falls'];
const OPENERS = ['if', 'when', 'the', 'any'];
const WINDOW_WORDS = ['for', 'in', 'within', 'during', 'over'];
const WINDOW_FILLERS = ['the', 'last', 'past', 'any'];
// Words that may follow the number and repeat what is measured: "> 1% 5xx responses", "> 5 failures", "> 90% of the limit".
const REPEATS = [
  '5xx',
  'http',
  'responses',
  'requests',
  'of',
  'all',
  'errors',
  'failures',
  'checks',
  'times',
  'the',
  'limit',
];

interface Parts {
  before: Word[];
  comparison: Comparison;
  comparisonAt: Word;
  value: Word;
  unit: Word | null;
  after: Word[];
  window: Window | null;
}

/** `for 5 minutes`: its first word, the length, and the length as it was written. */
interface Window {
  word: Word;
  seconds: number;
  length: string;
}

/** Reads a criterion as the release documents write it. A fault names the place (0-based offset) and what to write instead; nothing is guessed. */
export function parseCriterion(text: string, action: CriterionAction): { criterion: Criterion } | { error: Fault } {
  const parts = splitParts(text);
  if (isFault(parts)) return { error: parts };
  const quantity = quantityOf(parts);
  if (isFault(quantity)) return { error: quantity };
  const limit = parseLimit(quantity, parts.value, parts.unit);
  if (isFault(limit)) return { error: limit };
  const written = text.slice(parts.value.offset, (parts.unit ?? parts.value).end);
  const fault =
    refuseGoodSide(quantity, parts.comparison, { offset: parts.comparisonAt.offset, limit: written }) ??
    refuseUnreachable(quantity, parts, limit.limit) ??
    refuseWindow(quantity, parts, text);
  if (fault) return { error: fault };
  const windowSeconds = parts.window?.seconds ?? 0;
  return {
    criterion: { text: text.trim(), quantity, comparison: parts.comparison, limit: limit.limit, windowSeconds, action },
  };
}

function splitParts(text: string): Parts | Fault {
  const spoken = splitWords(text);
  if (isFault(spoken)) return spoken;
  const words = withWindowLast(spoken);
  if (words.length === 0)
    return { message: 'the criterion is empty', offset: 0, fix: 'Write e.g. `error rate > 1% for 5 minutes`.' };
  const compared = findComparison(words);
  if (!compared) {
    return {
      message: `"${text.trim()}" has no limit to compare with`,
      offset: words.at(-1)!.end,
      fix: 'Write what is measured, > or <, and a limit: `error rate > 1% for 5 minutes`.',
    };
  }
  const value = words[compared.next];
  if (value?.kind !== 'number') {
    const offset = value?.offset ?? text.trimEnd().length;
    return {
      message: value ? `"${value.text}" is not a number` : 'the limit is missing',
      offset,
      fix: 'Write the limit in digits, e.g. `> 1%`.',
    };
  }
  const unit = words[compared.next + 1];
  const rest = words.slice(compared.next + (isUnit(unit) ? 2 : 1));
  const window = parseWindow(rest);
  if (window !== null && isFault(window)) return window;
  return {
    before: trimSpeech(words.slice(0, compared.first)),
    comparison: compared.comparison,
    comparisonAt: words[compared.first]!,
    value,
    unit: isUnit(unit) ? unit! : null,
    after: window ? rest.slice(0, rest.indexOf(window.word)) : rest,
    window,
  };
}

/** `error rate over 5 minutes > 1%` says the same as `error rate > 1% over 5 minutes`. */
function withWindowLast(words: Word[]): Word[] {
  const from = words.findIndex((word) => WINDOW_WORDS.includes(word.text.toLowerCase()));
  let number = from + 1;
  while (WINDOW_FILLERS.includes(words[number]?.text.toLowerCase() ?? '')) number++;
  const rest = words.slice(number + 2);
  const isWindow = from > 0 && words[number]?.kind === 'number' && unitSeconds(words[number + 1]) !== null;
  if (!isWindow || findComparison(rest) === null) return words;
  return [...words.slice(0, from), ...rest, ...words.slice(from, number + 2)];
}

function findComparison(words: Word[]): { first: number; next: number; comparison: Comparison } | null {
  for (let first = 0; first < words.length; first++) {
    for (const [phrase, comparison] of COMPARISONS) {
      const length = phrase.split(' ').length;
      const spoken = words.slice(first, first + length).map((word) => word.text.toLowerCase());
      if (spoken.join(' ') === phrase) return { first, next: first + length, comparison };
    }
  }
  return null;
}

function trimSpeech(words: Word[]): Word[] {
  let from = 0;
  let to = words.length;
  while (from < to && OPENERS.includes(words[from]!.text.toLowerCase())) from++;
  while (to > from && VERBS.includes(words[to - 1]!.text.toLowerCase())) to--;
  return words.slice(from, to);
}

function parseWindow(rest: Word[]): Window | Fault | null {
  const at = rest.findIndex((word) => WINDOW_WORDS.includes(word.text.toLowerCase()));
  if (at === -1) return null;
  let next = at + 1;
  while (WINDOW_FILLERS.includes(rest[next]?.text.toLowerCase() ?? '')) next++;
  const number = rest[next];
  const unit = rest[next + 1];
  const seconds = unitSeconds(unit);
  const word = rest[at]!;
  if (number?.kind !== 'number')
    return {
      message: `"${word.text}" has no length of time behind it`,
      offset: number?.offset ?? word.end,
      fix: `Write e.g. \`${word.text} 5 minutes\`.`,
    };
  if (seconds === null) {
    const message = unit ? `"${unit.text}" is not a unit of time` : `${number.text} has no unit of time`;
    return {
      message,
      offset: unit?.offset ?? number.end,
      fix: `Write \`${word.text} ${number.text} minutes\` (or seconds, hours).`,
    };
  }
  const lengthSeconds = Number((numberOf(number) * seconds).toPrecision(12));
  if (lengthSeconds <= 0)
    return {
      message: 'a window of no time holds no samples',
      offset: number.offset,
      fix: `Write e.g. \`${word.text} 5 minutes\`, or leave the window out to judge the newest sample.`,
    };
  const left = rest[next + 2];
  if (left)
    return {
      message: `"${left.text}" is not understood after the window`,
      offset: left.offset,
      fix: 'End the criterion with the window, e.g. `for 5 minutes`; write a second limit as a criterion of its own.',
    };
  return { word, seconds: lengthSeconds, length: `${number.text} ${unit?.text ?? ''}` };
}

function quantityOf(parts: Parts): Quantity | Fault {
  const counted = parts.window !== null && ['in', 'within'].includes(parts.window.word.text.toLowerCase());
  const reading = counted ? 'increase' : 'value';
  if (parts.before.length === 0) {
    if (parts.after.length === 0)
      return {
        message: 'what is measured is missing',
        offset: parts.comparisonAt.offset,
        fix: 'Write it first, e.g. `error rate > 1%`.',
      };
    return parseQuantity(parts.after, 'increase');
  }
  const per = parts.after.findIndex((word) => word.text.toLowerCase() === 'per');
  const repeated = per === -1 ? parts.after : parts.after.slice(0, per);
  const strange = repeated.find((word) => !REPEATS.includes(word.text.toLowerCase()));
  if (strange)
    return {
      message: `"${strange.text}" is not understood after the limit`,
      offset: strange.offset,
      fix: 'Write units as %, ms, s, minutes or hours, and the window as `for 5 minutes`.',
    };
  return parseQuantity(per === -1 ? parts.before : [...parts.before, ...parts.after.slice(per)], reading);
}

/** A criterion that can never be breached looks like protection and is none; one that always is would roll every version back. */
function refuseUnreachable(quantity: Quantity, parts: Parts, limit: number): Fault | null {
  const offset = parts.value.offset;
  const isShare = quantity.name === 'error rate' || quantity.name === 'memory';
  if (isShare && limit === 1 && parts.comparison === 'above')
    return { message: `${quantity.name} is never above 100%`, offset, fix: 'Write a limit below 100%.' };
  if (quantity.name === 'uptime' && limit === 0 && parts.comparison === 'below')
    return { message: 'uptime is never below 0%', offset, fix: 'Write a limit above 0%, e.g. `uptime < 99.9%`.' };
  if (quantity.name !== 'metric' && limit === 0 && parts.comparison === 'at-least')
    return { message: `${quantity.name} is always at least 0`, offset, fix: 'Write `> 0`, or a limit above 0.' };
  if (quantity.name === 'uptime' && limit === 1 && parts.comparison === 'at-most')
    return { message: 'uptime is always at most 100%', offset, fix: 'Write `< 100%`.' };
  return null;
}

/** Counts grow "in" a time; states last "for" a time. The other word would mean something else than it seems to. */
function refuseWindow(quantity: Quantity, parts: Parts, text: string): Fault | null {
  const isCount = isCounted(quantity);
  const word = parts.window?.word;
  if (isCount && !word)
    return {
      message: 'a count needs the time in which it is counted',
      offset: text.trimEnd().length,
      fix: `Write \`${text.trim()} in 10 minutes\`.`,
    };
  const spoken = word?.text.toLowerCase() ?? '';
  if (isCount && spoken === 'for')
    return {
      message: 'a count is reached in a time, it does not last for one',
      offset: word!.offset,
      fix: `Write \`in ${parts.window?.length ?? ''}\`.`,
    };
  if (quantity.name === 'memory' && ['in', 'within'].includes(spoken))
    return {
      message: 'memory is a state that lasts for a time',
      offset: word!.offset,
      fix: `Write \`for ${parts.window?.length ?? ''}\`.`,
    };
  return null;
}
