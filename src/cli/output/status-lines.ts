import { needsYou, type PlaceView, type StatusView } from '../../app/show-status.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { age, shownTime } from './times.ts';

/** One screen: what is live where, what is under way, and what waits for you with the command to type. */
export function statusLines(style: Style, status: StatusView): string[] {
  const fileLines = releaseFileLines(style, status);
  if (status.places.length === 0) {
    const next = fileLines.length > 0 ? fileLines : ['next: shipway init, then shipway release VERSION'];
    return ['Nothing is released from here yet.', ...next];
  }
  const rows = status.places.map((place) => [
    place.service,
    place.environment,
    place.live?.version ?? '-',
    place.live === null ? '-' : shownTime(place.live.since),
    printable(stateOf(place)),
  ]);
  const [head = '', ...lines] = table([['SERVICE', 'ENV', 'LIVE', 'SINCE', 'STATE'], ...rows]);
  return [
    style.strong(head),
    ...lines,
    ...waitingLines(status),
    ...quarantineLines(status),
    ...drillLines(style, status),
    ...missingCopyLines(style, status),
    ...missingLines(style, status),
    ...halfRestoreLines(style, status),
    ...needsYouLines(style, status),
    ...fileLines,
  ];
}

/** A mistake in the file hides the places it declares; nobody shall take that for their absence. */
function releaseFileLines(style: Style, { releaseFileProblem }: StatusView): string[] {
  if (releaseFileProblem === null) return [];
  return [
    style.attention('The release file has mistakes; what only stands there is not shown:'),
    ...releaseFileProblem.split('\n').map((line) => printable(`  ${line}`)),
    'next: mend it, then shipway doctor',
  ];
}

function stateOf(place: PlaceView): string {
  const open = place.open.map((release) => {
    const what = release.kind === 'rollback' ? `rollback to ${release.version}` : release.version;
    const step =
      release.step === null ? '' : `, ${release.step.id}${release.step.line === null ? '' : `: ${release.step.line}`}`;
    return `${release.id} ${what} ${release.state}${step} (${release.requestedBy})`;
  });
  const hold = place.hold === null ? [] : [`automatic releases held since ${place.hold.release}: ${place.hold.reason}`];
  const words = [...open, ...hold];
  if (words.length > 0) return words.join('; ');
  return place.live === null ? 'never released' : `ok (${place.live.release})`;
}

/** A way back that is quick only as long as it is there: whoever decides has to see it. */
function waitingLines({ places }: StatusView): string[] {
  return places
    .flatMap((place) => place.open)
    .flatMap(({ id, waitingData, environment }) =>
      waitingData === null
        ? []
        : [printable(`${id}: ${waitingData}`), `  shipway rollback --data restore --env ${environment} --reason "..."`],
    );
}

function quarantineLines({ quarantine }: StatusView): string[] {
  return quarantine.map(({ service, version, release, reason }) =>
    printable(`quarantine: ${service} ${version} since ${release}: ${reason}`),
  );
}

function drillLines(style: Style, { drills }: StatusView): string[] {
  return drills.flatMap(({ service, environment, concern }) => [
    style.attention(printable(`${service} ${environment}: ${concern}`)),
    `next: shipway backup drill --env ${environment}`,
  ]);
}

function missingCopyLines(style: Style, { copies }: StatusView): string[] {
  return copies.flatMap(({ service, environment, concern }) => [
    style.attention(printable(`${service} ${environment}: ${concern}`)),
    `next: shipway backup copy --env ${environment}`,
  ]);
}

function missingLines(style: Style, { missing }: StatusView): string[] {
  return missing.flatMap(({ service, environment, concern }) => [
    style.attention(printable(`${service} ${environment}: ${concern}`)),
    `next: shipway backup verify --env ${environment}`,
  ]);
}

function halfRestoreLines(style: Style, { restores }: StatusView): string[] {
  return restores.flatMap(({ service, environment, concern, command }) => [
    style.attention(printable(`${service} ${environment}: ${concern}`)),
    `next: ${command}`,
  ]);
}

function needsYouLines(style: Style, status: StatusView): string[] {
  const queue = needsYou(status);
  if (queue.length === 0) return ['needs you: nothing'];
  return [
    style.attention(`needs you: ${queue.length}`),
    ...queue.flatMap(({ what, since, command }) => [
      printable(`  ${what} (for ${age(since, Date.parse(status.now))})`),
      `    ${command}`,
    ]),
  ];
}
