import type { ListedBackup, ShownBackup } from '../../app/list-backups.ts';
import type { BackupSummary, RestorePlan } from '../../app/manage-backups.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import { faultOf, secondsOf } from '../../core/backup/proof-run.ts';
import { describeStanding } from '../../core/backup/copy-standing.ts';
import { encryptionWords, environmentWords, storedWords } from '../../core/backup/describe-backup.ts';
import { formatBytes } from '../../core/plan/format-bytes.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { age, shownTime } from './times.ts';

/** The table of backups, newest first. */
export function backupTable(
  style: Style,
  backups: readonly ListedBackup[],
  shown: { nowMs: number; explain: boolean },
): string[] {
  if (backups.length === 0) return ['No backup yet.', 'next: shipway backup create'];
  const rows = backups.map((backup) => [
    backup.id,
    shownTime(backup.createdAt),
    age(backup.createdAt, shown.nowMs),
    proofWord(backup, shown.nowMs),
    backup.reason,
    backup.version ?? '-',
    backup.release ?? '-',
    formatBytes(backup.storedBytes - backup.sharedBytes),
    backup.sharedBytes === 0 ? '-' : formatBytes(backup.sharedBytes),
    formatBytes(backup.bytes),
    backup.encryptedFor.length === 0 ? 'NO' : 'yes',
    printable(backup.stores.join(', ')),
  ]);
  const [head = '', ...lines] = table([
    ['BACKUP', 'TAKEN', 'AGE', 'PROVEN', 'WHY', 'VERSION', 'RELEASE', 'OWN', 'SHARED', 'RAW', 'ENCRYPTED', 'STORES'],
    ...rows,
  ]);
  const notes = backups.map((backup) => [
    ...(backup.pin === null ? [] : [`  pinned by ${printable(`${backup.pin.by}: ${backup.pin.reason}`)}`]),
    ...(backup.suspicious
      ? [
          '  less than half of the data of the backup before it: look at it before you rely on it, and pin it when that is right',
        ]
      : []),
    ...missingCopies(backup).map((line) => `  ${printable(line)}`),
    ...(shown.explain ? backup.rules.map((rule) => style.faint(`  ${printable(rule)}`)) : []),
  ]);
  const open = backups.filter((backup) => backup.encryptedFor.length === 0).length;
  const warning =
    open === 0
      ? []
      : [style.attention(`${open} of ${backups.length} not encrypted: whoever can read the folder can read the data`)];
  return [style.strong(head), ...lines.flatMap((line, index) => [line, ...(notes[index] ?? [])]), ...warning];
}

/** Where it should be and is not; that all is well is said by `show`. */
function missingCopies({ copies }: ListedBackup): string[] {
  return copies.filter(({ state }) => state === 'failed' || state === 'missing').map(describeStanding);
}

/** How long ago it was proven, best by a restore; an age alone says nothing about a backup that failed. */
function proofWord({ proof, restored }: ListedBackup, nowMs: number): string {
  if (proof === null) return 'never';
  if (proof.outcome === 'fail') return 'FAILED';
  if (restored !== null) return `V${restored.level} ${age(restored.at, nowMs)} ago`;
  return `V${proof.level} ${age(proof.at, nowMs)} ago, never by a restore`;
}

const LOOKS_SHOWN = 10;

/** The last proof and its age, then the newest looks with all that they found. */
export function proofLines(backup: ShownBackup, nowMs: number): string[] {
  const { proof, restored, looks } = backup;
  const last =
    restored === null
      ? 'never proven by a restore'
      : `V${restored.level} ${age(restored.at, nowMs)} ago, restored in ${formatDuration(restored.seconds)}`;
  const fault = proof?.outcome === 'fail' ? [`FAILED   at V${proof.level} ${age(proof.at, nowMs)} ago`] : [];
  const newest = looks.toReversed().slice(0, LOOKS_SHOWN);
  const copies = backup.copies.map((copy) => printable(`copy     ${describeStanding(copy)}`));
  return [...copies, `proven   ${last}`, ...fault, ...newest.map((look) => lookLine(look, nowMs))];
}

function lookLine(look: ShownBackup['looks'][number], nowMs: number): string {
  const who = look.by ?? look.release ?? 'shipway';
  const what = look.isComplete ? '' : ` of ${look.stores.map(({ store }) => store).join(', ')}`;
  const found = faultOf(look) ?? 'good';
  const took = formatDuration(secondsOf(look));
  return printable(`look     V${look.level}${what} ${age(look.at, nowMs)} ago by ${who}, ${took}: ${found}`);
}

/** One backup, one fact a line. */
export function backupLine(backup: BackupSummary): string[] {
  return [
    `backup   ${backup.id}`,
    `taken    ${shownTime(backup.createdAt)}, ${backup.reason}${backup.release === null ? '' : ` of ${backup.release}`}`,
    `version  ${backup.version ?? 'none ran'}`,
    `stores   ${printable(backup.stores.join(', '))}`,
    `size     ${formatBytes(backup.bytes)} of data, stored as ${storedWords(backup)}`,
    `readable ${printable(encryptionWords(backup.encryptedFor))}`,
    `signed   ${backup.signer ?? 'no: it is of the format before signatures'}`,
    ...contextLines(backup),
  ];
}

/** What it knows besides the data. */
function contextLines({ context, downPaths }: BackupSummary): string[] {
  if (context === null) return ['context  not known: it is of a format before'];
  const { commit, configuration, migration, environment } = context;
  const lines = [
    `commit   ${commit === null ? 'not known: no git' : commitWords(commit)}`,
    `config   ${configuration ?? 'not known'}`,
  ];
  if (migration !== null) {
    const goesTo = migration.goesTo === null ? '' : `, ${migration.version} goes to ${migration.goesTo}`;
    lines.push(`schema   ${migration.kind}: at ${migration.revision ?? 'a revision that nobody tells'}${goesTo}`);
    lines.push(
      `down     ${migration.notStored === null ? downWords(downPaths) : `NOT stored: ${migration.notStored}`}`,
    );
  }
  return [...lines, `env      ${environmentWords(environment)}`].map(printable);
}

function commitWords({ hash, tag, changed }: NonNullable<NonNullable<BackupSummary['context']>['commit']>): string {
  return `${hash}${tag === null ? '' : ` (${tag})`}${changed ? ', with changes that are not committed' : ''}`;
}

const PATHS_SHOWN = 5;

function downWords(paths: readonly string[]): string {
  const more = paths.length - PATHS_SHOWN;
  return `${paths.length} ${paths.length === 1 ? 'file' : 'files'} stored: ${paths.slice(0, PATHS_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What a restore replaces and since when writes would be gone. */
export function restoreLines(
  wanted: RestorePlan,
  { nowMs, safetyBackup }: { nowMs: number; safetyBackup: boolean },
): string[] {
  const { backup, stores, service, environment } = wanted;
  return [
    `${service} ${environment}: ${stores.join(', ')} is replaced by backup ${backup.id}`,
    `the backup is of ${shownTime(wanted.loss.since)} (${age(wanted.loss.since, nowMs)} ago, ${formatBytes(backup.bytes)}); everything written since then is no longer served`,
    ...wanted.loss.lines.map((line) => printable(`  ${line}`)),
    wanted.finishes.length > 0
      ? 'no other backup is taken first'
      : `the replaced data is ${safetyBackup ? 'backed up first and' : 'NOT backed up first, only'} kept aside`,
  ];
}
