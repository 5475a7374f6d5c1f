import type { Fault } from './fault.ts';

/** A piece of a criterion and where it stands in the text. */
export interface Word {
  kind: 'word' | 'number' | 'sign' | 'percent' | 'selector' | 'filler';
  text: string;
  offset: number;
  end: number;
}

// Tried in this order: "5xx" is a word although it begins with a digit, and a metric's name may hold ":" or "." but not end with them.
const PIECES: readonly (readonly [Word['kind'], RegExp])[] = [
  ['word', /\dxx(?![A-Za-z0-9_])/iy],
  ['number', /-?(?:\d[\d,_]*(?:\.\d+)?|\.\d+)/y],
  ['sign', /[<>]=?|=[<>]|[≥≤]/y],
  ['percent', /%/y],
  ['selector', /\{(?:[^}"']|"(?:[^"\\]|\\.)*"|'[^']*')*\}/y],
  ['word', /[A-Za-z_][A-Za-z0-9_]*(?:[:.-][A-Za-z0-9_]+)*/y],
  ['filler', /[\s:()+]+/y],
];

/** Splits the words of a criterion; spaces, colons, parentheses and "+" carry no meaning and are left out. */
export function splitWords(text: string): Word[] | Fault {
  const words: Word[] = [];
  let offset = 0;
  while (offset < text.length) {
    const word = wordAt(text, offset);
    if (word === null) {
      const sign = String.fromCodePoint(text.codePointAt(offset) ?? 0);
      return {
        message: `"${sign}" has no meaning here`,
        offset,
        fix: `Leave out "${sign}", e.g. \`error rate > 1% for 5 minutes\`.`,
      };
    }
    if (word.kind === 'number' && !isGrouped(word.text)) return ambiguous(word);
    if (word.kind !== 'filler') words.push(word);
    offset = word.end;
  }
  return words;
}

function wordAt(text: string, offset: number): Word | null {
  for (const [kind, piece] of PIECES) {
    piece.lastIndex = offset;
    const found = piece.exec(text);
    if (found) return { kind, text: found[0], offset, end: offset + found[0].length };
  }
  return null;
}

/** Thousands come in threes and begin with another digit than 0. */
function isGrouped(number: string): boolean {
  return !/[,_]/.test(number) || /^-?[1-9]\d{0,2}(?:[,_]\d{3})+(?:\.\d+)?$/.test(number);
}

/** Half of the world writes 1,5 for 1.5; read as 15 it would be a limit ten times too high. */
function ambiguous(number: Word): Fault {
  const [point, plain] = [number.text.replace(/[,_]/, '.'), number.text.replaceAll(/[,_]/g, '')];
  const meant = /^-?\d+\.\d+$/.test(point) ? `\`${point}\` with a point` : `\`${plain}\` without separators`;
  return {
    message: `"${number.text}" is neither a decimal number nor one with its thousands apart`,
    offset: number.offset,
    fix: `Write ${meant}.`,
  };
}

/** The number a word stands for; thousands may be grouped with "," or "_". */
export function numberOf(word: Word): number {
  return Number(word.text.replaceAll(/[,_]/g, ''));
}
