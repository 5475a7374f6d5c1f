import type { StepView } from '../../app/release-view.ts';
import type { Json, JsonObject } from '../../core/release/json.ts';
import { formatBytes } from '../../core/plan/format-bytes.ts';
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
  'prove-backup': (result) => `proven in ${formatDuration(number(result['seconds']))}`,
  'prestage-restore': (result) =>
    joined([
      `about ${bytes(result['bytes'])} more on the disk`,
      `restored in ${formatDuration(number(result['seconds']))}`,
    ]),
  'stage-restore': (result) =>
    texts(result['waited']).length === 0 ? '' : `${texts(result['waited']).join(', ')} waited`,
  'copy-backup': (result) => joined([`${bytes(result['sentBytes'])} sent`, `${bytes(result['keptBytes'])} was there`]),
  'backup-data': (result) => joined([text(result['id']), bytes(result['bytes']), encryptedFor(result['encryptedFor'])]),
  'migrate-up': (result) => change(result),
  'migrate-down': (result) => (text(result['keptBy']) === '' ? '' : `the files that ${text(result['keptBy'])} kept`),
  'apply-version': (result) => instances(result['instances']),
  'return-environment': (result) => text(result['outcome']).replace('-', ' '),
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

/** Steps of a program before this one did not say. */
function encryptedFor(value: Json | undefined): string {
  if (!Array.isArray(value)) return '';
  return value.length === 0 ? 'not encrypted' : 'encrypted';
}

function joined(parts: string[], between = ', '): string {
  return parts.filter((part) => part !== '').join(between);
}
