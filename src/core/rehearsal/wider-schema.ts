import { keepsBytes } from '../migration/rules-of-columns.ts';

/** Whether a line of the schema now takes everything that it took before, so that no statement of the version before can tell. */
export function isWider(before: string, now: string): boolean {
  return withoutValidity(before) === withoutValidity(now) || hasWiderType(before, now) || hasMoreLabels(before, now);
}

/** Whether rows of before were looked at changes nothing for a statement. */
function withoutValidity(line: string): string {
  if (!line.startsWith('constraint ')) return line;
  return line.replace(/ valid [tf] /, ' ').replace(/ ?NOT ?VALID$/, '');
}

const COLUMN = /^(column \S+ type )(.+?)( null [tf] .*)$/;

function hasWiderType(before: string, now: string): boolean {
  const [, place, type, rest] = COLUMN.exec(before) ?? [];
  const [, placeNow, typeNow, restNow] = COLUMN.exec(now) ?? [];
  if (type === undefined || typeNow === undefined || place !== placeNow || rest !== restNow) return false;
  return keepsBytes(type, typeNow);
}

const ENUM = /^(type .+ labels )\{(.*)\}(.*)$/;

/** The labels of before, in their order, with others between or behind. */
function hasMoreLabels(before: string, now: string): boolean {
  const [, place, labels, rest] = ENUM.exec(before) ?? [];
  const [, placeNow, labelsNow, restNow] = ENUM.exec(now) ?? [];
  if (labels === undefined || labelsNow === undefined || place !== placeNow || rest !== restNow) return false;
  const waiting = labels.split(',');
  for (const label of labelsNow.split(',')) if (label === waiting[0]) waiting.shift();
  return waiting.length === 0;
}
