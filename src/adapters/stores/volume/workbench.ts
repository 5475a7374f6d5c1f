import { dirname, join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import { withScratchPlace, type ScratchPlace } from '../scratch/scratch-place.ts';
import { HELPER_LABEL } from './containers.ts';
import { docker, dockerProblem, tryDocker, type DockerCall, type VolumeStore } from './docker.ts';
import { createEntryList, type VolumeEntry } from './list-entries.ts';

/** Where a volume lies in our container, and what everything in its archive begins with. */
export const MOUNT = 'shipway-volume';
const VOLUMES = '/shipway-volumes';

/** A place of ours for a while: the containers and the volume that are named after it go with it, also when we are killed. */
export interface Workbench {
  store: VolumeStore;
  image: string;
  place: ScratchPlace;
  /** What it is for: the word of the problem when docker says no. */
  kind: DockerCall['kind'];
}

/** Runs with a workbench below the folder and clears it; what a killed process left is cleared before. */
export async function withWorkbench<Result>(
  { store, image, kind, folder }: Omit<Workbench, 'place'> & { folder: string },
  effect: Effect,
  use: (bench: Workbench, effect: Effect) => Promise<Result>,
): Promise<Result> {
  // A release that was aborted must not leave its containers behind.
  const unstoppable = { ...effect, signal: new AbortController().signal };
  const root = { folder, clear: (place: ScratchPlace) => clear(store, place, unstoppable) };
  return withScratchPlace(root, effect, (place, within) => use({ store, image, place, kind }, within));
}

/** For work on live data; proofs have a folder of their own. */
export function workFolder(effect: Effect): string {
  return join(effect.stateDirectory, 'volumes', 'work');
}

/** The volume of a proof. */
export function proofVolumeOf({ id }: ScratchPlace): string {
  return `shipway-proof-${id}`;
}

function helperOf({ id }: ScratchPlace): string {
  return `shipway-helper-${id}`;
}

async function clear(store: VolumeStore, place: ScratchPlace, effect: Effect): Promise<void> {
  await removeHelper(store, place, effect);
  const call = {
    words: ['volume', 'rm', '--force', proofVolumeOf(place)],
    failing: 'what a proof left cannot be removed',
    kind: 'backup-failed',
  } as const;
  await docker(store, call, effect);
}

/** Its process, if it runs, has ended when this returns. */
async function removeHelper(store: VolumeStore, place: ScratchPlace, effect: Effect): Promise<void> {
  const words = ['container', 'rm', '--force', helperOf(place)];
  const result = await tryDocker(store, words, effect);
  if (result.exitCode === 0 || /no such container/i.test(result.stderr)) return;
  throw dockerProblem(store, { words, failing: 'our container cannot be removed', kind: 'backup-failed' }, result);
}

interface Mounted {
  volume: string;
  mode: 'reading' | 'writing';
}

/** A container that never runs: docker copies out of and into it as if it did. */
async function withHelper<Result>(
  bench: Workbench,
  { volume, mode }: Mounted,
  effect: Effect,
  use: (helper: string) => Promise<Result>,
): Promise<Result> {
  const { store, place, image, kind } = bench;
  await removeHelper(store, place, effect);
  const mount = `type=volume,source=${volume},target=/${MOUNT},volume-nocopy${mode === 'reading' ? ',readonly' : ''}`;
  const fixed = ['--pull', 'never', '--network', 'none', '--label', `${HELPER_LABEL}=${store.settings.name}`];
  const words = ['create', '--name', helperOf(place), ...fixed, '--mount', mount, '--entrypoint', 'true', image];
  await docker(store, { words, failing: `no container can be made for the volume ${volume}`, kind }, effect);
  const result = await use(helperOf(place));
  await removeHelper(store, place, effect);
  return result;
}

/** Writes the volume as a tar into a new file. */
export async function copyOut(bench: Workbench, volume: string, file: string, effect: Effect): Promise<void> {
  await withHelper(bench, { volume, mode: 'reading' }, effect, (helper) =>
    docker(bench.store, { ...readingCall(bench, volume, helper), streams: { outputFile: file } }, effect),
  );
}

/** What is in the volume, without keeping its content. */
export async function listVolume(bench: Workbench, volume: string, effect: Effect): Promise<VolumeEntry[]> {
  const reader = createEntryList(MOUNT);
  await withHelper(bench, { volume, mode: 'reading' }, effect, (helper) => {
    const streams = { onOutput: (chunk: Buffer) => reader.write(chunk) };
    return docker(bench.store, { ...readingCall(bench, volume, helper), streams }, effect);
  });
  return reader.end();
}

function readingCall({ kind }: Workbench, volume: string, helper: string): DockerCall {
  return { words: ['cp', `${helper}:/${MOUNT}`, '-'], failing: `the volume ${volume} cannot be read`, kind };
}

/** Fills an empty volume from an archive, with owners, rights, times and links. */
export async function copyIn(bench: Workbench, volume: string, file: string, effect: Effect): Promise<void> {
  await withHelper(bench, { volume, mode: 'writing' }, effect, (helper) => {
    const failing = `the volume ${volume} cannot be filled`;
    const call = { words: ['cp', '-', `${helper}:/`], failing, kind: bench.kind, streams: { inputFile: file } };
    return docker(bench.store, call, effect);
  });
}

// Its words are constant; what differs comes as arguments.
const FOLDERS = `
live="${VOLUMES}/$1/_data"; staged="${VOLUMES}/$2/_data"; kept="${VOLUMES}/$3/_data"
show() { [ -d "$2" ] && echo "$1"; return 0; }
report() { show live "$live"; show staged "$staged"; show kept "$kept"; size=$(du -sk "$live" 2>/dev/null) && echo "kib \${size%%[!0-9]*}"; return 0; }
flush() { sync -f "${VOLUMES}" 2>/dev/null || sync; }
set -e
`;

export const SCRIPTS = {
  /** What lies where. */
  look: `${FOLDERS}report`,
  /** Everything that was written is on the disk. */
  flush: `${FOLDERS}flush; report`,
  /** A volume that is about to be renamed to has no folder of its own: docker has just made it, and it is empty. */
  emptyKept: `${FOLDERS}[ ! -d "$kept" ] || rmdir "$kept"; report`,
  /** One in which somebody has made something meanwhile stays. */
  emptyLive: `${FOLDERS}rmdir "$live" 2>/dev/null || true; report`,
  liveToKept: `${FOLDERS}[ ! -e "$kept" ]; mv "$live" "$kept"; flush; report`,
  keptToLive: `${FOLDERS}[ ! -e "$live" ]; mv "$kept" "$live"; flush; report`,
  stagedToLive: `${FOLDERS}[ ! -e "$live" ]; mv "$staged" "$live"; flush; report`,
  liveToStaged: `${FOLDERS}[ ! -e "$staged" ]; mv "$live" "$staged"; flush; report`,
  /** What somebody made while nothing was there is nobody's to delete. */
  liveAside: `${FOLDERS}n=1; while [ -e "${VOLUMES}/$2/made-meanwhile-$n" ]; do n=$((n+1)); done
mv "$live" "${VOLUMES}/$2/made-meanwhile-$n"; flush; report`,
} as const;

/** Which of the three volumes of a restore hold data. */
export interface Layout {
  live: boolean;
  staged: boolean;
  kept: boolean;
  /** Of the live data; 0 when the image cannot tell. */
  liveBytes: number;
}

/** Volumes of one restore by name. */
export interface VolumeNames {
  live: string;
  staged: string;
  kept: string;
}

/**
 * Runs one of the scripts where docker keeps its volumes: a volume cannot be renamed, but the folder in it can, in one step. `mountpoint` is
 * that of any of them.
 */
export async function runScript(
  bench: Workbench,
  script: keyof typeof SCRIPTS,
  { names, mountpoint }: { names: VolumeNames; mountpoint: string },
  effect: Effect,
): Promise<Layout> {
  const { store, place, image, kind } = bench;
  await removeHelper(store, place, effect);
  const mount = `type=bind,source=${dirname(dirname(mountpoint))},target=${VOLUMES}`;
  const rights = ['--user', '0:0', '--security-opt', 'no-new-privileges', '--security-opt', 'label=disable'];
  const fixed = ['--pull', 'never', '--network', 'none', '--label', `${HELPER_LABEL}=${store.settings.name}`];
  const start = ['run', '--rm', '--name', helperOf(place), ...fixed, ...rights, '--mount', mount];
  const words = [
    ...start,
    '--entrypoint',
    'sh',
    image,
    '-c',
    SCRIPTS[script],
    'sh',
    names.live,
    names.staged,
    names.kept,
  ];
  const said = await docker(store, { words, failing: 'the data of the volume cannot be moved', kind }, effect);
  const lines = said.split('\n');
  const kib = Number(/^kib (\d+)$/m.exec(said)?.[1] ?? 0);
  const has = (word: string): boolean => lines.includes(word);
  return { live: has('live'), staged: has('staged'), kept: has('kept'), liveBytes: kib * 1024 };
}
