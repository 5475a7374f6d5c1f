import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { docker, tryDocker, type DockerCall, type VolumeStore } from './docker.ts';

/** On every container that we make, so that none of them is taken for one of the service. */
export const HELPER_LABEL = 'shipway.helper';

export interface Container {
  id: string;
  name: string;
  /** As docker says it: created, running, paused, restarting, exited… */
  state: string;
  /** By digest: it is there, whatever its tag means now. */
  image: string;
  /** Whether it may write into the volume. */
  writes: boolean;
}

/** What docker knows of a volume. */
export interface VolumeFacts {
  driver: string;
  mountpoint: string;
  labels: Record<string, string>;
  options: Record<string, string>;
}

/** Every container that has the volume, running or not; those of ours left out. */
export async function containersOf(store: VolumeStore, kind: DockerCall['kind'], effect: Effect): Promise<Container[]> {
  const { name } = store.settings;
  const failing = 'the containers that use the volume cannot be listed';
  const words = ['ps', '--all', '--quiet', '--no-trunc', '--filter', `volume=${name}`];
  const ids = (await docker(store, { words, failing, kind }, effect)).split('\n').filter((id) => id !== '');
  if (ids.length === 0) return [];
  // One that ended meanwhile (--rm) is missing in the answer, and makes the exit code 1.
  const result = await tryDocker(store, ['container', 'inspect', ...ids], effect);
  effect.signal.throwIfAborted();
  return parseList(result.stdout).flatMap((found) => containerFrom(found, name));
}

interface InspectedContainer {
  Id: string;
  Name: string;
  Image: string;
  State: { Status: string };
  Config: { Labels: Record<string, string> | null };
  Mounts: { Type: string; Name?: string; RW: boolean }[];
}

function containerFrom(value: unknown, volume: string): Container[] {
  const found = value as InspectedContainer;
  const mounts = found.Mounts.filter((mount) => mount.Type === 'volume' && mount.Name === volume);
  if (mounts.length === 0 || found.Config.Labels?.[HELPER_LABEL] !== undefined) return [];
  const { Id: id, Image: image, State } = found;
  const writes = mounts.some((mount) => mount.RW);
  return [{ id, name: found.Name.replace(/^\//, ''), state: State.Status, image, writes }];
}

/** Those that may be writing at this moment, or go on as soon as they are unpaused. */
export function isUp({ state }: Container): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/** Null when there is no such volume. */
export async function volumeFacts(
  store: VolumeStore,
  name: string,
  kind: DockerCall['kind'],
  effect: Effect,
): Promise<VolumeFacts | null> {
  const words = ['volume', 'ls', '--quiet', '--filter', `name=${name}`];
  const failing = 'the volumes cannot be listed';
  const names = (await docker(store, { words, failing, kind }, effect)).split('\n');
  if (!names.includes(name)) return null; // the filter takes a part of the name
  const call = { words: ['volume', 'inspect', name], failing: `the volume ${name} cannot be looked at`, kind };
  const [value] = parseList(await docker(store, call, effect));
  const found = value as {
    Driver: string;
    Mountpoint: string;
    Labels: Record<string, string> | null;
    Options: Record<string, string> | null;
  };
  const { Driver: driver, Mountpoint: mountpoint } = found;
  return { driver, mountpoint, labels: found.Labels ?? {}, options: found.Options ?? {} };
}

function parseList(text: string): unknown[] {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value)) return value as unknown[];
  throw new Error('docker inspect answered with something else than a list');
}

/** The image that our containers are made from: one that is there, and that the volume is used with. */
export async function imageFor(store: VolumeStore, kind: DockerCall['kind'], effect: Effect): Promise<string> {
  if (store.settings.image !== null) return store.settings.image;
  const [user] = await containersOf(store, kind, effect);
  if (user !== undefined) return user.image;
  throw problem(kind, `no container uses the volume ${store.settings.name}, so there is no image to reach it with`, {
    where: `docker volume ${store.settings.name}`,
    next: 'Name in "image" a local image that has sh and mv, such as busybox; nothing is pulled.',
  });
}
