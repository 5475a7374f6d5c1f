import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, readText, removeTree, writeAtomically } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { howItEnded, lastLinesOf, runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import { containersOf, isUp, type Container } from './containers.ts';
import { docker, tryDocker, type DockerCall, type VolumeStore } from './docker.ts';

/** What we did to the service and have to take back; on the disk before it is done. */
type Held = { by: 'stop' } | { by: 'pause'; containers: string[] };
type Kind = Extract<DockerCall['kind'], 'backup-failed' | 'restore-failed'>;

/** `nobody`: nothing ran, or nothing that writes. `unwatched`: somebody runs who is declared not to write. */
export type Stillness = 'nobody' | 'held' | 'unwatched';

/**
 * Acts while no container writes into the volume, and lets go of them whatever came of it. Only what ran is started again; what an earlier
 * call held and could not let go, because it was killed, is let go first.
 */
export async function whileStill<Result>(
  store: VolumeStore,
  effect: Effect,
  act: (stillness: Stillness) => Promise<Result>,
): Promise<Result> {
  await letGoOfEarlier(store, 'backup-failed', effect);
  const users = (await containersOf(store, 'backup-failed', effect)).filter((user) => isUp(user) && user.writes);
  if (users.length === 0) return act('nobody');
  const { still } = store.settings;
  if (still === 'none') return act('unwatched');
  if (still === null) throw inUse(store, users);
  const running = users.filter(({ state }) => state === 'running').map(({ id }) => id);
  const held: Held = still === 'stop' ? { by: 'stop' } : { by: 'pause', containers: running };
  await note(store, held, effect);
  let failure: unknown = null;
  try {
    if (held.by === 'pause') await pause(store, held.containers, effect);
    else await stopService(store, 'backup-failed', effect);
    await gap('stores.volume.held');
    return await act('held');
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    const reason = failure instanceof Error ? `; the copy had failed before: ${failure.message}` : '';
    await letGo(store, held, { kind: 'backup-failed', reason }, effect);
  }
}

/**
 * Acts while no container that has the volume runs, and starts the service again when it is done. When it is not, the service stays stopped:
 * the restore has to be finished, or undone, first.
 */
export async function whileStopped<Result>(
  store: VolumeStore,
  effect: Effect,
  act: () => Promise<Result>,
): Promise<Result> {
  if ((await earlier(store, effect))?.by === 'pause') await letGoOfEarlier(store, 'restore-failed', effect);
  const users = (await containersOf(store, 'restore-failed', effect)).filter(isUp);
  if (users.length > 0) {
    if (store.settings.service === null) throw mayNotSwap(store, users);
    await note(store, { by: 'stop' }, effect);
    await stopService(store, 'restore-failed', effect);
  }
  await gap('stores.volume.stopped');
  const result = await act();
  await letGoOfEarlier(store, 'restore-failed', effect);
  return result;
}

function notePath({ settings }: VolumeStore, effect: Effect): string {
  const digest = createHash('sha256').update(settings.name).digest('hex').slice(0, 16);
  return join(effect.stateDirectory, 'paused', `volume-${digest}.json`);
}

async function note(store: VolumeStore, held: Held, effect: Effect): Promise<void> {
  await ensureDirectory(join(effect.stateDirectory, 'paused'));
  await writeAtomically(notePath(store, effect), `${JSON.stringify({ volume: store.settings.name, ...held })}\n`);
}

async function earlier(store: VolumeStore, effect: Effect): Promise<Held | null> {
  const text = await readText(notePath(store, effect));
  if (text === null) return null;
  const found = JSON.parse(text) as Held;
  return found.by === 'pause' ? { by: 'pause', containers: found.containers } : { by: 'stop' };
}

async function letGoOfEarlier(store: VolumeStore, kind: Kind, effect: Effect): Promise<void> {
  const held = await earlier(store, effect);
  if (held !== null) await letGo(store, held, { kind, reason: '' }, effect);
}

/** An abort stops the copy, never this: a service that stays stopped is worse than a backup that takes longer. */
async function letGo(
  store: VolumeStore,
  held: Held,
  { kind, reason }: { kind: Kind; reason: string },
  effect: Effect,
): Promise<void> {
  const unstoppable = { ...effect, signal: new AbortController().signal };
  try {
    if (held.by === 'pause') await unpause(store, held.containers, kind, unstoppable);
    else await runServiceCommand(store, 'start', kind, unstoppable);
  } catch (error) {
    const what =
      held.by === 'pause' ? 'its containers were paused and do not go on' : 'it was stopped and does not start';
    const why = error instanceof Error ? error.message : String(error);
    const byHand =
      held.by === 'pause' ? ['docker', 'unpause', ...held.containers] : (store.settings.service?.start ?? []);
    throw problem(kind, `the service of the volume ${store.settings.name}: ${what}: ${why}${reason}`, {
      where: `docker volume ${store.settings.name}`,
      next: `Let it go on by hand: ${byHand.join(' ')}`,
      cause: error,
    });
  }
  await removeTree(notePath(store, effect));
}

async function pause(store: VolumeStore, ids: readonly string[], effect: Effect): Promise<void> {
  if (ids.length === 0) return;
  const call = { words: ['pause', ...ids], failing: 'a container cannot be paused', kind: 'backup-failed' } as const;
  await docker(store, call, effect);
}

/** One that is gone, or that somebody let go meanwhile, needs nothing. */
async function unpause(store: VolumeStore, ids: readonly string[], kind: Kind, effect: Effect): Promise<void> {
  const paused = (await containersOf(store, kind, effect)).filter(
    ({ id, state }) => state === 'paused' && ids.includes(id),
  );
  for (const { id } of paused) {
    const result = await tryDocker(store, ['unpause', id], effect);
    if (result.exitCode !== 0 && !/is not paused|no such container/i.test(result.stderr)) {
      throw new Error(result.stderr.trim());
    }
  }
}

async function stopService(store: VolumeStore, kind: Kind, effect: Effect): Promise<void> {
  await runServiceCommand(store, 'stop', kind, effect);
  const left = (await containersOf(store, kind, effect)).filter(isUp);
  if (left.length === 0) return;
  throw problem(kind, `after the stop command ${namesOf(left)} still runs with the volume ${store.settings.name}`, {
    where: 'volume.stop',
    next: 'Let the stop command end every container that uses the volume, and return when they have ended.',
  });
}

async function runServiceCommand(
  store: VolumeStore,
  name: 'stop' | 'start',
  kind: Kind,
  effect: Effect,
): Promise<void> {
  const { service } = store.settings;
  if (service === null) throw new Error('the store declares no stop and start any more');
  // Without our token: what `start` puts into the background must outlive this step.
  const within = name === 'start' ? { ...effect, token: '' } : effect;
  const result = await runDeclaredCommand({ label: name, argv: service[name], bindings: {} }, store.settings, within);
  if (result.aborted) effect.signal.throwIfAborted();
  if (result.exitCode === 0 && !result.timedOut) return;
  const how = result.timedOut
    ? `did not end within ${store.settings.timeoutSeconds} s`
    : `failed with ${howItEnded(result)}`;
  throw problem(kind, `the ${name} command ${how}${lastLinesOf(result)}`, {
    where: `volume.${name}`,
    next: `Correct the ${name} command of the store.`,
  });
}

function namesOf(users: readonly Container[]): string {
  return users.map(({ name }) => name).join(', ');
}

function inUse(store: VolumeStore, users: readonly Container[]): Error {
  return problem('backup-failed', `${namesOf(users)} writes into the volume ${store.settings.name}`, {
    where: `docker volume ${store.settings.name}`,
    next: 'Write "stop" and "start", or "pause: containers"; "pause: none" if it writes nothing while a backup is taken.',
  });
}

function mayNotSwap(store: VolumeStore, users: readonly Container[]): Error {
  const text = `${namesOf(users)} runs with the volume ${store.settings.name}; nothing was exchanged`;
  return problem('restore-failed', text, {
    where: `docker volume ${store.settings.name}`,
    next: 'Stop it first, or write "stop" and "start" in the release file: a container that runs goes on with the replaced data.',
    retry: true,
  });
}
