import type { StepView } from '../../app/release-view.ts';
import type { Json, JsonObject } from '../../core/release/json.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';

/** What a finished step came to, in one line: its title, and what a person wants to know of its result. */
export function stepDetail(step: StepView): string {
  const known = step.result === null ? null : RESULTS[step.kind]?.(step.result);
  if (known === null || known === undefined || known === '') return step.title;
  // What stands in brackets explains the plan; beside the result it is no longer needed.
  return `${step.title.replace(/ \(.*\)$/, '')}: ${known}`;
}

/** By kind of step. Unknown fields are left out: the title alone is still true. */
const RESULTS: Record<string, (result: JsonObject) => string> = {
  'run-checks': (result) => `${listOf(result['checks']).length} passed`,
  'await-approval': (result) => `approved by ${texts(result['approvedBy']).join(', ')}`,
  'backup-data': (result) => joined([text(result['id']), bytes(result['bytes'])]),
  'prove-backup': (result) => `proven in ${formatDuration(number(result['seconds']))}`,
  'migrate-up': (result) => change(result),
  'migrate-down': (result) => change(result),
  'apply-version': (result) => instances(result['instances']),
  'watch-version': (result) =>
    joined([`${formatDuration(number(result['watchedSeconds']))}, ${number(result['rounds'])} rounds`]),
  'retire-version': (result) => endings(result),
  'stop-version': (result) => endings(result),
  'revert-version': (result) => endings(result),
};

/** Only what did not end by itself: requests that were cut off and programs that had to be killed. */
function endings(result: JsonObject): string {
  const cut = listOf(result['drained']).filter((one) => text(one['how']).startsWith('cut'));
  const killed = listOf(result['stopped']).filter((one) => one['how'] === 'killed-after-limit');
  return joined([
    ...cut.map((one) => `${text(one['instance'])} still had open requests, ${text(one['how'])}`),
    ...killed.map((one) => {
      const limit = formatDuration(Math.round(number(one['seconds'])));
      return `${text(one['instance'])} ignored SIGTERM, killed after ${limit}`;
    }),
  ]);
}

function change(result: JsonObject): string {
  const before = text(result['before']);
  const after = text(result['after']);
  return before === '' && after === '' ? '' : `${before || 'nothing'} -> ${after || 'nothing'}`;
}

function instances(value: Json | undefined): string {
  const at = listOf(value).map((one) => joined([text(one['component']), text(one['address'])], ' at '));
  return at.join(', ');
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value)
    ? value.filter((one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one))
    : [];
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function number(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}

function bytes(value: Json | undefined): string {
  return typeof value === 'number' ? formatBytes(value) : '';
}

function joined(parts: string[], between = ', '): string {
  return parts.filter((part) => part !== '').join(between);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 412000000 as `412 MB`; powers of 1000, three digits. */
export function formatBytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))} ${UNITS[unit]}`;
}
