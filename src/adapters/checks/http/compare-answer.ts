import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../../core/release/json.ts';
import type { HttpResponse } from '../../../platform/http-client.ts';
import { parseJsonPath, valueAt } from './json-path.ts';
import { patternOf, type HttpExpectation } from './settings.ts';

const SHOWN_LENGTH_MAX = 120; // a value in a sentence; the whole body would bury the reason

/** What is wrong with the answer, in the order of the expectations; empty when nothing is. */
export function compareAnswer(expect: HttpExpectation, answer: HttpResponse): string[] {
  return [
    ...compareStatus(expect.status, answer.status),
    ...Object.entries(expect.header).flatMap(([name, value]) => compareHeader(name, value, answer.headers)),
    ...compareJson(expect.json, answer.body),
    ...compareBody(expect.bodyContains, answer.body),
  ];
}

function compareStatus(wanted: (number | string)[], status: number): string[] {
  const isWanted = wanted.some((one) => (typeof one === 'number' ? one === status : one[0] === String(status)[0]));
  return isWanted ? [] : [`expected ${wanted.join(' or ')}`];
}

function compareHeader(name: string, wanted: string, headers: Record<string, string>): string[] {
  const value = headers[name.toLowerCase()];
  if (value === undefined) return [`header ${name} is missing, expected ${shown(wanted)}`];
  const pattern = patternOf(wanted);
  if (pattern) return pattern.test(value) ? [] : [`header ${name} is ${shown(value)}, expected to match ${wanted}`];
  // "application/json; charset=utf-8" is application/json: the parameter says how it is written, not what it is.
  const isMediaType = name.toLowerCase() === 'content-type' && !wanted.includes(';');
  const compared = isMediaType ? (value.split(';')[0] ?? '').trim().toLowerCase() : value;
  const isEqual = compared === (isMediaType ? wanted.trim().toLowerCase() : wanted);
  return isEqual ? [] : [`header ${name} is ${shown(value)}, expected ${shown(wanted)}`];
}

function compareJson(wanted: Record<string, Json>, body: string): string[] {
  const paths = Object.entries(wanted);
  if (paths.length === 0) return [];
  let document: Json;
  try {
    document = JSON.parse(body) as Json;
  } catch {
    return [`the body is not JSON: ${shown(body)}`];
  }
  return paths.flatMap(([path, value]) => compareValue(path, value, valueAt(document, parseJsonPath(path) ?? [])));
}

function compareValue(path: string, wanted: Json, value: Json | undefined): string[] {
  const conditions = conditionsOf(wanted);
  if (value === undefined) return [`json ${path} is missing, expected ${describeWanted(wanted)}`];
  const isMet = conditions
    ? conditions.every(([operator, limit]) => meets(operator, limit, value))
    : isDeepStrictEqual(value, wanted);
  return isMet ? [] : [`json ${path} is ${shown(value)}, expected ${describeWanted(wanted)}`];
}

type Operator = 'gt' | 'gte' | 'lt' | 'lte' | 'matches';
const OPERATORS: Record<Operator, string> = { gt: '>', gte: '>=', lt: '<', lte: '<=', matches: 'to match' };

function conditionsOf(wanted: Json): [Operator, Json][] | null {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return null;
  const entries = Object.entries(wanted);
  const areConditions = entries.length > 0 && entries.every(([name]) => Object.hasOwn(OPERATORS, name));
  return areConditions ? (entries as [Operator, Json][]) : null;
}

function meets(operator: Operator, limit: Json, value: Json): boolean {
  if (operator === 'matches') return typeof value === 'string' && typeof limit === 'string' && matches(limit, value);
  if (typeof value !== 'number' || typeof limit !== 'number') return false;
  switch (operator) {
    case 'gt':
      return value > limit;
    case 'gte':
      return value >= limit;
    case 'lt':
      return value < limit;
    case 'lte':
      return value <= limit;
  }
}

function matches(pattern: string, value: string): boolean {
  return (patternOf(pattern) ?? patternOf(`/${pattern}/`))?.test(value) ?? false;
}

/** The expectation in words, e.g. `> 3 and < 9`, `"ok"`. */
export function describeWanted(wanted: Json): string {
  const conditions = conditionsOf(wanted);
  if (!conditions) return shown(wanted);
  return conditions
    .map(([operator, limit]) => `${OPERATORS[operator]} ${typeof limit === 'string' ? limit : shown(limit)}`)
    .join(' and ');
}

function compareBody(wanted: string | null, body: string): string[] {
  return wanted === null || body.includes(wanted) ? [] : [`the body does not contain ${shown(wanted)}: ${shown(body)}`];
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}
