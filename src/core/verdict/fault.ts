/** Why the words of a criterion were refused. */
export interface Fault {
  message: string;
  /** Characters from the start of the text to the word that is wrong, from 0. */
  offset: number;
  /** What to write instead, as a sentence. */
  fix: string;
}

export function isFault(value: object): value is Fault {
  return 'fix' in value && 'offset' in value;
}
