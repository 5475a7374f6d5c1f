import type { Json } from '../release/json.ts';
import type { Remark } from './source.ts';

/** What the rules between keys found. A problem stops, a warning does not. */
export interface Findings {
  problems: Remark[];
  warnings: Remark[];
}

/** One rule between keys of the file. */
export type Rule = (root: Json, findings: Findings) => void;
