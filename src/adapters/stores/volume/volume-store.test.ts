import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { dataOf, docker, dockerHost, removeDockerNames, TEST_IMAGE } from '../../../../test/support/docker-host.ts';
import { runGapped } from '../../../../test/support/run-gapped.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { storeKinds } from '../index.ts';
import type { Store } from '../store.ts';
import { STORE_PROGRAM } from '../store-subject.suite.ts';
import { volumeSettings } from './settings.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // each step is a container
const host = await dockerHost();
const NAME = `shipway-volume-${process.pid}`;
const SERVICE = `${NAME}-service`;
const data = dataOf(host, NAME);
// Writes a number into the first file of the volume and then into the last one: a copy of one moment has them equal, or one apart.
const COUNT =
  'i=0; while :; do i=$((i+1)); echo $i > /data/t; mv /data/t /data/a; echo $i > /data/t; mv /data/t /data/z; done';
const AROUND = { stop: ['docker', 'stop', '--time', '0', SERVICE], start: ['docker', 'start', SERVICE] };

let project: string;
let copy: string;
const open = (settings: object = {}): Store =>
  storeKinds.volume.open(volumeSettings.parse({ name: NAME, ...settings }), { projectDirectory: project });
const effect = (): ReturnType<typeof createEffect> => createEffect(project);
const startService = (command = 'exec sleep 600'): string =>
  docker('run', '--detach', '--init', '--name', SERVICE, '--volume', `${NAME}:/data`, TEST_IMAGE, 'sh', '-c', command);
const stateOf = (): string => docker('inspect', '--format', '{{.State.Status}}', SERVICE);
const startWriter = async (): Promise<void> => {
  // Between the two files lies enough for the writer to come round while it is copied.
  for (let n = 0; n < 40; n += 1) writeFileSync(join(data, `m${n}`), Buffer.alloc(256 * 1024, n));
  startService(COUNT);
  await waitUntil(
    'the service to write',
    () => existsSync(join(data, 'z')) && Number(readFileSync(join(data, 'z'), 'utf8')) > 20,
  );
};
const apart = (archive: string): number => {
  const read = (name: string): number =>
    Number(execFileSync('tar', ['-xOf', archive, `shipway-volume/${name}`], { encoding: 'utf8' }));
  return read('z') - read('a');
};

describe.skipIf(host.reason !== '')(`a store of a docker volume (${host.reason})`, () => {
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-volume-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    docker('volume', 'create', '--label', 'team=shop', NAME);
  });
  afterEach(() => {
    removeDockerNames(NAME);
    rmSync(project, { recursive: true, force: true });
  });

  it('keeps owners, rights, times, links, hard links, pipes, empty folders and long names', async () => {
    const long = `${'n'.repeat(180)}-ü`;
    mkdirSync(join(data, 'd/empty'), { recursive: true });
    for (const name of ['d/f', `d/${long}`]) writeFileSync(join(data, name), name);
    linkSync(join(data, 'd/f'), join(data, 'd/second'));
    symlinkSync('../../outside', join(data, 'link'));
    execFileSync('mkfifo', [join(data, 'pipe')]);
    for (const name of ['', 'd/f']) chownSync(join(data, name), 1234, 2345);
    chmodSync(join(data, 'd/f'), 0o4751);
    chmodSync(join(data, 'd'), 0o2750);
    utimesSync(join(data, 'd/f'), 1_000_000_000, 1_000_000_000);
    const store = open({ image: TEST_IMAGE });
    const capture = await store.capture(copy, effect());
    expect(capture.counters).toEqual({ bytes: 3 + 2 + long.length + 1, directories: 3, files: 2, links: 2, pipes: 1 });
    const { place } = await store.stage(copy, capture, 'bk', effect());
    const restored = dataOf(host, `${NAME}.restore-bk`);
    expect(place.endsWith(`${NAME}.restore-bk`)).toBe(true);
    expect(readFileSync(join(restored, 'd', long), 'utf8')).toBe(`d/${long}`);
    expect(statSync(join(restored, 'd/f'))).toMatchObject({
      uid: 1234,
      gid: 2345,
      nlink: 2,
      mtimeMs: 1_000_000_000_000,
    });
    expect(statSync(join(restored, 'd/f')).mode & 0o7777).toBe(0o4751);
    expect(statSync(join(restored, 'd')).mode & 0o7777).toBe(0o2750);
    expect(statSync(restored)).toMatchObject({ uid: 1234, gid: 2345 });
    expect(statSync(join(restored, 'pipe')).isFIFO()).toBe(true);
    expect(readlinkSync(join(restored, 'link'))).toBe('../../outside');
    expect(readdirSync(join(restored, 'd/empty'))).toEqual([]);
  });

  it('gives a volume that was removed the labels back that it had', async () => {
    const store = open({ image: TEST_IMAGE });
    const capture = await store.capture(copy, effect());
    docker('volume', 'rm', NAME);
    await store.swap(await store.stage(copy, capture, 'bk', effect()), effect());
    expect(docker('volume', 'inspect', '--format', '{{.Labels.team}}', NAME)).toBe('shop');
  });

  it('takes the image of a container that uses the volume, and says so when there is none', async () => {
    await expect(open().capture(copy, effect())).rejects.toMatchObject({
      kind: 'backup-failed',
      next: expect.stringContaining('"image"') as string,
    });
    docker('create', '--name', SERVICE, '--volume', `${NAME}:/data`, TEST_IMAGE);
    await open().capture(copy, effect());
  });

  it('tells before anything is exchanged that the image cannot do it', async () => {
    const empty = join(project, 'empty.tar');
    execFileSync('tar', ['-C', copy, '-cf', empty, '.']);
    docker('import', empty, `${NAME}:empty`);
    try {
      const capture = await open({ image: TEST_IMAGE }).capture(copy, effect());
      const refused = open({ image: `${NAME}:empty` }).stage(copy, capture, 'bk', effect());
      await expect(refused).rejects.toMatchObject({
        kind: 'restore-failed',
        next: expect.stringContaining('sh, mv') as string,
      });
      expect(docker('volume', 'ls', '--quiet', '--filter', `name=${NAME}`)).toBe(NAME);
    } finally {
      docker('image', 'rm', `${NAME}:empty`);
    }
  });

  it('is not restored in place when its folder is not a plain one of docker', async () => {
    const capture = await open({ image: TEST_IMAGE }).capture(copy, effect());
    docker('volume', 'rm', NAME);
    docker('volume', 'create', '--opt', 'type=tmpfs', '--opt', 'device=tmpfs', NAME);
    await expect(open({ image: TEST_IMAGE }).stage(copy, capture, 'bk', effect())).rejects.toThrow('has options');
  });

  describe('that a running container writes', () => {
    beforeEach(startWriter);

    it('is copied in two moments by docker cp: the control', async () => {
      const found: number[] = [];
      for (let trial = 0; trial < 5; trial += 1) {
        const plain = join(project, `plain-${trial}.tar`);
        execFileSync('sh', ['-c', `docker cp ${SERVICE}:/data - > ${plain}`]);
        const read = (name: string): number =>
          Number(execFileSync('tar', ['-xOf', plain, `data/${name}`], { encoding: 'utf8' }));
        found.push(read('z') - read('a'));
      }
      expect(Math.max(...found)).toBeGreaterThan(0);
    });

    it('is refused without a way to keep it still, with the name of the container', async () => {
      await expect(open().capture(copy, effect())).rejects.toMatchObject({
        kind: 'backup-failed',
        message: expect.stringContaining(SERVICE) as string,
        next: expect.stringMatching(/"stop" and "start".+"pause: containers"/) as string,
      });
      expect(readdirSync(copy)).toEqual([]);
    });

    it('is copied in one moment while it is paused, and goes on', async () => {
      for (let trial = 0; trial < 3; trial += 1) {
        await open({ pause: 'containers' }).capture(copy, effect());
        expect([0, -1]).toContain(apart(join(copy, 'volume.tar')));
        expect(stateOf()).toBe('running');
      }
      expect(readdirSync(join(project, '.shipway/paused'))).toEqual([]);
    });

    it('is copied in one moment while it is stopped, and is started again', async () => {
      await open(AROUND).capture(copy, effect());
      expect([0, -1]).toContain(apart(join(copy, 'volume.tar')));
      expect(stateOf()).toBe('running');
    });

    it('is refused when it is said not to write and does', async () => {
      await expect(open({ pause: 'none' }).capture(copy, effect())).rejects.toThrow('was not still');
      expect(readdirSync(copy)).toEqual([]);
    });

    it.each(['pause', 'stop'])('goes on after an attempt that was killed: %s', async (way) => {
      const settings = volumeSettings.parse({ name: NAME, ...(way === 'stop' ? AROUND : { pause: 'containers' }) });
      const act = { kind: 'volume', settings, projectDirectory: project, act: { name: 'capture', folder: copy } };
      const end = await runGapped(STORE_PROGRAM, act, 'stores.volume.held');
      expect(end.signal, end.stderr).toBe('SIGKILL');
      expect(stateOf()).toBe(way === 'stop' ? 'exited' : 'paused');
      const store = storeKinds.volume.open(settings, { projectDirectory: project });
      await store.capture(copy, effect());
      expect(stateOf()).toBe('running');
      expect(docker('ps', '--all', '--quiet', '--filter', `label=shipway.helper=${NAME}`)).toBe('');
    });

    it.each(['pause', 'stop'])('goes on when the copy fails: %s', async (way) => {
      const settings = way === 'stop' ? AROUND : { pause: 'containers' };
      await expect(open(settings).capture(join(project, 'no/such/folder'), effect())).rejects.toThrow();
      const aborter = new AbortController();
      const held = createEffect(project, {
        signal: aborter.signal,
        clock: { ...effect().clock, nowMs: () => (aborter.abort(), 0) },
      });
      await expect(open(settings).capture(copy, held)).rejects.toThrow(/abort/i);
      expect(stateOf()).toBe('running');
      expect(readdirSync(copy)).toEqual([]);
    });
  });

  it('is copied while a container runs that may only read', async () => {
    docker('run', '--detach', '--init', '--name', SERVICE, '--volume', `${NAME}:/data:ro`, TEST_IMAGE, 'sleep', '600');
    await open().capture(copy, effect());
    expect(stateOf()).toBe('running');
  });

  it('starts nothing that was not running', async () => {
    startService();
    docker('stop', '--time', '0', SERVICE);
    const store = open(AROUND);
    const capture = await store.capture(copy, effect());
    await store.swap(await store.stage(copy, capture, 'bk', effect()), effect());
    expect(stateOf()).toBe('exited');
  });

  it('is exchanged under no running container; with stop and start the service comes back with the restored data', async () => {
    writeFileSync(join(data, 'word'), 'old');
    startService();
    const capture = await open(AROUND).capture(copy, effect());
    writeFileSync(join(data, 'word'), 'new');
    writeFileSync(join(data, 'since'), 'new');
    const staged = await open().stage(copy, capture, 'bk', effect());
    await expect(open().swap(staged, effect())).rejects.toMatchObject({
      kind: 'restore-failed',
      message: expect.stringContaining(SERVICE) as string,
    });
    expect(docker('exec', SERVICE, 'cat', '/data/word')).toBe('new');
    const record = await open(AROUND).swap(staged, effect());
    expect(docker('exec', SERVICE, 'sh', '-c', 'cat /data/word; ls /data')).toBe('oldword');
    await open(AROUND).swapBack(record, effect());
    expect(docker('exec', SERVICE, 'sh', '-c', 'cat /data/word; ls /data')).toBe('newsince\nword');
  });

  it('counts what is in it', async () => {
    writeFileSync(join(data, 'word'), 'old');
    const report = await open({ image: TEST_IMAGE }).maintenance?.run({ act: 'count', query: null }, effect());
    expect(report).toEqual({ findings: [], figures: { bytes: 3, directories: 1, files: 1, links: 0, pipes: 0 } });
  });

  describe('with the segments of a vector database', () => {
    const segments = (): string[] => readdirSync(join(data, 'collections/docs/0/segments')).sort();
    const writeSegments = (names: string[]): void => {
      rmSync(join(data, 'collections'), { recursive: true, force: true });
      for (const name of names) {
        mkdirSync(join(data, 'collections/docs/0/segments', name), { recursive: true });
        writeFileSync(join(data, 'collections/docs/0/segments', name, 'segment.json'), name);
      }
    };
    const inContainer = (command: string): string =>
      docker(
        'run',
        '--rm',
        '--volume',
        `${NAME}:/data`,
        '--volume',
        `${project}:/backup`,
        TEST_IMAGE,
        'sh',
        '-c',
        command,
      );

    it('gets them mixed by tar xzf over the live volume: the control', () => {
      writeSegments(['s1', 's2']);
      inContainer('tar czf /backup/qdrant.tar.gz -C /data .');
      writeSegments(['s2', 's3']);
      inContainer('tar xzf /backup/qdrant.tar.gz -C /data');
      expect(segments()).toEqual(['s1', 's2', 's3']);
    });

    it('gets back exactly those that were captured', async () => {
      const store = open({ image: TEST_IMAGE });
      writeSegments(['s1', 's2']);
      const capture = await store.capture(copy, effect());
      writeSegments(['s2', 's3']);
      const record = await store.swap(await store.stage(copy, capture, 'bk', effect()), effect());
      expect(segments()).toEqual(['s1', 's2']);
      await store.swapBack(record, effect());
      expect(segments()).toEqual(['s2', 's3']);
    });
  });
});
