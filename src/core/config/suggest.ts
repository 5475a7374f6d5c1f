import { nearestWord } from '../verdict/nearest-word.ts';

/** Longer words are no slips, and comparing them takes time. */
const LENGTH_MAX = 80;

/** The known word that was probably meant, or null: the same word spelt another way (`envFile`), letters swapped, or one or two slips. */
export function suggest(written: string, all: readonly string[]): string | null {
  const known = all.filter((word) => word.length <= LENGTH_MAX);
  const plain = plainSpelling(written.slice(0, LENGTH_MAX));
  const respelt = known.find((word) => plainSpelling(word) === plain);
  if (respelt !== undefined) return respelt;
  const near = nearestWord(written.slice(0, LENGTH_MAX), known);
  if (near !== null) return near;
  const short = known.find((word) => word.length === 3 && plain.length === 3 && sameLetters(word, plain) === 2);
  if (short !== undefined) return short;
  // Letters in another order: "fro" is still "for".
  const letters = sorted(plain);
  return plain.length < 3 ? null : (known.find((word) => sorted(plainSpelling(word)) === letters) ?? null);
}

/** `Did you mean "after"?` or the list of what is known. */
export function suggestionFor(written: string, known: readonly string[], listed: string): string {
  const near = suggest(written, known);
  if (near !== null) return `Did you mean "${near}"?`;
  if (known.length === 0) return 'Remove it.';
  return `${listed}: ${known.join(', ')}.`;
}

function plainSpelling(word: string): string {
  return word.replace(/[-_\s]/g, '').toLowerCase();
}

function sameLetters(a: string, b: string): number {
  return a.split('').filter((letter, index) => letter === b[index]).length;
}

function sorted(word: string): string {
  return word.split('').toSorted().join('');
}
