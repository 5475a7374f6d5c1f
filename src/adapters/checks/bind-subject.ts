import { bindVariables } from '../../core/release/bind-variables.ts';
import type { Json } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';
import type { CheckSubject } from './check.ts';

/** Replaces the variables of a text: those of the subject first, then those of the release file. Throws `variable-missing`. */
export function bindSubject(text: string, subject: CheckSubject, effect: Effect): string {
  return effect.resolve(bindVariables(text, subject));
}

/** The same for every text inside a value; keys are left as they are. */
export function bindSubjectDeep(value: Json, subject: CheckSubject, effect: Effect): Json {
  if (typeof value === 'string') return bindSubject(value, subject, effect);
  if (Array.isArray(value)) return value.map((item) => bindSubjectDeep(item, subject, effect));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bindSubjectDeep(item, subject, effect)]));
}
