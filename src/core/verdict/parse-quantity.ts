import type { Quantity } from './criterion.ts';
import { isFault, type Fault } from './fault.ts';
import { nearestWord } from './nearest-word.ts';
import { parseSelector } from './parse-selector.ts';
import type { Word } from './split-words.ts';

type KnownName = 'error rate' | 'failed health checks' | 'uptime' | 'memory';

// The ways in which the five release documents, and people who write like them, name the same thing.
const NAMES: Record<KnownName, readonly string[]> = {
  'error rate': ['error rate', 'error rates', 'http error rate', '5xx rate', '5xx error rate', 'rate of errors'],
  'failed health checks': [
    'failed health check',
    'failed healthcheck',
    'failed check',
    'failed probe',
    'failing health check',
    'failed health checks',
    'failed healthchecks',
    'failed checks',
    'failed probes',
    'failing health checks',
    'health check failure',
    'healthcheck failure',
    'check failure',
    'probe failure',
    'health check failures',
    'healthcheck failures',
    'check failures',
    'probe failures',
    'health checks failed',
  ],
  uptime: ['uptime', 'availability'],
  memory: ['memory', 'memory usage', 'memory use', 'memory share', 'ram', 'ram usage'],
};
const TIMES = ['response time', 'response times', 'latency', 'request latency', 'request duration', 'duration'];
const SPELLINGS = [...Object.values(NAMES).flat(), ...TIMES];
const QUANTILE = /^p(\d+(?:\.\d+)?)$/;

/** What the words name: one of the known quantities, or a metric of the service's own read as `reading`. Never called without words. */
export function parseQuantity(words: Word[], reading: 'value' | 'increase'): Quantity | Fault {
  const known = knownQuantity(words);
  if (known) return known;
  return metricQuantity(words, reading);
}

function knownQuantity(words: Word[]): Quantity | Fault | null {
  const spoken = words.map((word) => word.text.toLowerCase().replaceAll('-', ' '));
  for (const [name, spellings] of Object.entries(NAMES)) {
    if (spellings.includes(spoken.join(' '))) return { name: name as KnownName };
  }
  return responseTime(words, spoken);
}

function responseTime(words: Word[], spoken: string[]): Quantity | Fault | null {
  const offset = words[0]!.offset;
  const at = spoken.findIndex((word) => QUANTILE.test(word) || ['median', 'average', 'mean', 'avg'].includes(word));
  const rest = spoken.filter((_, index) => index !== at).join(' ');
  if (rest !== '' && !TIMES.includes(rest)) return null;
  if (at === -1) {
    return {
      message: `"${rest}" does not say which one: half of the requests, or the slowest`,
      offset,
      fix: `Write \`p95 ${rest} > …\`.`,
    };
  }
  const which = spoken[at]!;
  if (which === 'median') return { name: 'response time', quantile: 0.5 };
  const share = Number(QUANTILE.exec(which)?.[1] ?? Number.NaN);
  if (Number.isNaN(share)) {
    return {
      message: `an average hides the slow requests, so "${which}" is not measured`,
      offset: words[at]!.offset,
      fix: 'Write `p95 response time > …`.',
    };
  }
  if (share <= 0 || share >= 100) {
    return {
      message: `there is no ${which}`,
      offset: words[at]!.offset,
      fix: 'Write a number between 0 and 100, e.g. `p95` or `p99.9`.',
    };
  }
  return { name: 'response time', quantile: Number((share / 100).toPrecision(12)) };
}

function metricQuantity(words: Word[], reading: 'value' | 'increase'): Quantity | Fault {
  const selector = words.at(-1)!.kind === 'selector' ? words.at(-1)! : null;
  const { name: named, per } = splitPer(selector ? words.slice(0, -1) : words);
  const wrong = named.find((word) => word.kind !== 'word');
  if (wrong || named.length === 0) {
    const at = wrong ?? words[0]!;
    return {
      message: `"${at.text}" is not the name of anything measured`,
      offset: at.offset,
      fix: 'Write what is measured first, e.g. `error rate > 1%` or `queue_depth > 500`.',
    };
  }
  const spoken = named.map((word) => word.text.toLowerCase()).join(' ');
  const meant = selector === null && !spoken.includes('_') ? nearestQuantity(spoken) : null;
  if (meant !== null) {
    return {
      message: `"${named.map((word) => word.text).join(' ')}" is not known; did you mean "${meant}"?`,
      offset: named[0]!.offset,
      fix: `Write \`${meant}\`, or \`${spoken.replaceAll(' ', '_')}{}\` if that is a metric's own name.`,
    };
  }
  const labels = selector ? parseSelector(selector) : { labels: {} };
  if (isFault(labels)) return labels;
  // One word is taken letter by letter, because metric names are case-sensitive; several words are speech.
  const metric = named.length === 1 ? named[0]!.text.replaceAll('-', '_') : spoken.replaceAll(/[ -]/g, '_');
  return { name: 'metric', metric, labels: labels.labels, reading, per };
}

/** `… per user`: the series are judged apart by that label. */
function splitPer(words: Word[]): { name: Word[]; per: string | null } {
  const at = words.length - 2;
  if (at < 1 || words[at]!.text.toLowerCase() !== 'per') return { name: words, per: null };
  return { name: words.slice(0, at), per: words[at + 1]!.text };
}

/** `p95 respnse time` is compared without its quantile, which is never misspelt into another one. */
function nearestQuantity(spoken: string): string | null {
  const words = spoken.split(' ');
  const which = words.find((word) => QUANTILE.test(word));
  if (which === undefined) return nearestWord(spoken, SPELLINGS);
  const time = nearestWord(words.filter((word) => word !== which).join(' '), TIMES);
  return time === null ? null : `${which} ${time}`;
}
