import { styleText } from 'node:util';
import type { Terminal } from '../terminal.ts';

/** Colours by what they mean. Every word that is coloured is also a word: nothing is told by colour alone. */
export interface Style {
  good: (text: string) => string;
  bad: (text: string) => string;
  attention: (text: string) => string;
  active: (text: string) => string;
  faint: (text: string) => string;
  strong: (text: string) => string;
}

export const PLAIN: Style = {
  good: (text) => text,
  bad: (text) => text,
  attention: (text) => text,
  active: (text) => text,
  faint: (text) => text,
  strong: (text) => text,
};

const COLOURED: Style = {
  good: (text) => styleText('green', text, { validateStream: false }),
  bad: (text) => styleText(['red', 'bold'], text, { validateStream: false }),
  attention: (text) => styleText('yellow', text, { validateStream: false }),
  active: (text) => styleText('cyan', text, { validateStream: false }),
  faint: (text) => styleText('dim', text, { validateStream: false }),
  strong: (text) => styleText('bold', text, { validateStream: false }),
};

/** Colours only for a person at a terminal who has not switched them off (--no-color, NO_COLOR, TERM=dumb). */
export function styleFor(terminal: Terminal, wanted: { color: boolean }): Style {
  const { NO_COLOR: noColor, TERM: term } = terminal.environment;
  const isOff = !wanted.color || (noColor !== undefined && noColor !== '') || term === 'dumb';
  return terminal.isTty.stdout && !isOff ? COLOURED : PLAIN;
}
