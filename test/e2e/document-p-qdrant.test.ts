// Document P as one whole release: uploads and the Qdrant volume in one backup, a migration of the vectors, the way back of each kind.
// The project is examples/pbjrag with its shipway.qdrant.yaml. Qdrant is a fake that keeps its points as files, in a real container on a real volume.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { dataOf, docker, dockerHost, removeDockerNames, TEST_IMAGE } from '../support/docker-host.ts';
import { createExampleProject, type ExampleProject } from '../support/example-project.ts';
import { freePort } from '../support/free-port.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 }); // several releases one after the other, each with containers that stop and start

interface Point {
  id: number;
  vector: number[];
  payload: Record<string, unknown>;
}

const host = await dockerHost();
const NAME = `shipway-e2e-p-${process.pid}`;
const CONTAINER = `${NAME}-qdrant`;
const VERSIONS = ['2.9.0', '3.1.0', '3.1.1', '3.2.0'];

describe.skipIf(host.reason !== '')(`document P with its Qdrant volume (${host.reason})`, () => {
  let project: ExampleProject;
  const upload = (name: string): Promise<object> =>
    project.ask('POST', '/uploads', { name, text: `print('${name}') # of the team\n` });
  const sha = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

  /** Checksum of every point by its name, as Qdrant answers; `language` is what the migration adds. */
  async function points(leftOut: string[] = []): Promise<Record<string, string>> {
    const all = await project.ask<Point[]>('GET', '/points');
    return Object.fromEntries(all.map((point) => [String(point.payload['name']), sha(textOf(point, leftOut))]));
  }
  const textOf = ({ id, vector, payload }: Point, leftOut: string[]): string =>
    JSON.stringify([
      id,
      vector,
      Object.entries(payload)
        .filter(([key]) => !leftOut.includes(key))
        .sort(([one], [other]) => one.localeCompare(other)),
    ]);
  function uploads(): Record<string, string> {
    const names = readdirSync(project.path('uploads')).sort();
    return Object.fromEntries(names.map((name) => [name, sha(readFileSync(project.path('uploads', name)))]));
  }
  const languages = async (): Promise<string[]> =>
    (await project.ask<Point[]>('GET', '/points')).map(({ payload }) => String(payload['language'])).sort();

  beforeAll(async () => {
    project = await createExampleProject('pbjrag');
    const port = await freePort();
    const file = project.read('shipway.qdrant.yaml');
    const own = [
      ['127.0.0.1:8080', new URL(project.url).host],
      ['127.0.0.1:6333', `127.0.0.1:${port}`],
      ['pbjrag_qdrant_storage', NAME],
      ['pbjrag-qdrant', CONTAINER],
    ].reduce((text, [written = '', given = '']) => text.replaceAll(written, given), file);
    project.write('shipway.yaml', own);
    for (const name of ['a.py', 'b.js', 'c.txt']) project.write(`uploads/${name}`, `# ${name} of the team\n`);
    for (const version of VERSIONS) project.write(`releases/${version}/server.mjs`, project.read('server.mjs'));
    docker('volume', 'create', NAME);
    docker(...qdrantIn(CONTAINER, NAME, port));
    await project.shipway(0, 'release', '2.9.0');
    await project.ask('POST', '/index');
  });
  afterAll(async () => {
    removeDockerNames(NAME);
    await project?.remove();
  });

  test('control: what lies on the volume is every point, and a copy put back under the running server is not seen by it', async () => {
    const folder = join(dataOf(host, NAME), 'collections/chunks/points');
    expect(readdirSync(folder)).toHaveLength(3);
    const before = await points();
    docker(
      'exec',
      CONTAINER,
      'sh',
      '-c',
      'cp -r /qdrant/storage /tmp/copy; rm /qdrant/storage/collections/chunks/points/*',
    );
    expect(await points()).toEqual(before);
    docker('exec', CONTAINER, 'sh', '-c', 'cp -r /tmp/copy/. /qdrant/storage');
    expect(readdirSync(folder)).toHaveLength(3);
  });

  test('a version whose verification fails: the release takes the backup with the volume, migrates, and takes both back by itself', async () => {
    const before = { points: await points(), uploads: uploads() };
    project.write('releases/3.1.1/server.mjs', project.read('server.mjs').replace("'GET /points'", "'GET /nothing'"));
    const said = await project.shipway(20, 'release', '3.1.1');
    expect(said).toContain('ROLLED BACK to 2.9.0');
    expect(said).toMatch(/migrate up: 1 -> 2[\s\S]*migrate down to 1 with/);
    expect({ points: await points(), uploads: uploads() }).toEqual(before);
    const shown = await project.shipway(0, 'backup', 'show', 'before:r-0002');
    expect(shown).toMatch(/uploads[\s\S]*vectors/);
    expect(await project.shipway(0, 'backup', 'verify', 'before:r-0002', '--level', '3')).toContain(
      'restored into a new volume',
    );
  });

  test('a good release, then the least lossy way back: the migration goes down, and every point and upload stays, also the new ones', async () => {
    const before = { points: await points(), uploads: uploads() };
    await project.shipway(0, 'release', '3.1.0');
    expect(await languages()).toEqual(['javascript', 'python', 'unknown']);
    expect(await points(['language'])).toEqual(before.points);
    await upload('d.py');
    await project.ask('POST', '/index');
    const written = { points: await points(['language']), uploads: uploads() };
    expect(Object.keys(written.points)).toHaveLength(4);
    const dry = await project.shipway(0, 'rollback', '--full', '--dry-run', '--reason', 'slow');
    expect(dry).toContain('migrate down to 1');
    const { goOn } = await project.askToRestore('slow', '--full');
    await goOn();
    expect(await project.version()).toBe('2.9.0');
    // Announced is what only the new schema has a place for; nothing else is gone.
    expect({ points: await points(), uploads: uploads() }).toEqual(written);
    expect(await languages()).toEqual(['undefined', 'undefined', 'undefined', 'undefined']);
  });

  test('the data of the release is brought back, and what is lost is exactly what was announced, point by point', async () => {
    const before = { points: await points(), uploads: uploads() };
    await project.shipway(0, 'release', '3.2.0');
    for (const name of ['e.py', 'f.js']) await upload(name);
    await project.ask('POST', '/index');
    const spoilt = { points: await points(), uploads: uploads() };
    const gone = (then: Record<string, string>, now: Record<string, string>): string[] =>
      Object.keys(now).filter((name) => then[name] === undefined);
    expect([gone(before.points, spoilt.points), gone(before.uploads, spoilt.uploads)]).toEqual(
      [
        ['e.py', 'f.js'],
        ['e.py', 'f.js'],
      ].map((names) => expect.arrayContaining(names) as unknown),
    );

    const { asked, goOn } = await project.askToRestore('wrong neighbours');
    expect(asked).toContain(
      `uploads files: ${Object.keys(before.uploads).length} in the backup, ${Object.keys(spoilt.uploads).length} now`,
    );
    // One file for each point, and one for the revision, which the first migration of all has written already.
    const [, then, now] = /vectors (?:\S+ )?files: (\d+) in the backup, (\d+) now/.exec(asked) ?? [];
    expect(Number(now) - Number(then)).toBe(2);
    expect(await points()).toEqual(spoilt.points);
    await goOn();
    expect([await project.version(), await points(), uploads()]).toEqual(['2.9.0', before.points, before.uploads]);

    // What was lost is in the backup that was taken first.
    const listed = JSON.parse(await project.shipway(0, 'backup', 'list', '--json')) as { backups: { id: string }[] };
    await project.shipway(0, 'backup', 'restore', listed.backups[0]?.id ?? '', '--into', 'safety');
    execFileSync('tar', ['-xf', project.path('safety/vectors/volume.tar'), '-C', project.path('safety/vectors')]);
    const names = readdirSync(project.path('safety/vectors'), { recursive: true }) as string[];
    const kept = names.filter((name) => /chunks\/points\/\d+\.json$/.test(name));
    const texts = kept.map((name) => JSON.parse(readFileSync(project.path('safety/vectors', name), 'utf8')) as Point);
    expect(Object.fromEntries(texts.map((point) => [point.payload['name'], sha(textOf(point, []))]))).toEqual(
      spoilt.points,
    );
  });
});

/** Node of this machine and the libraries it needs, in a container that has the volume. */
function qdrantIn(container: string, volume: string, port: number): string[] {
  const folders = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path));
  const mounts = [
    ...folders.map((path) => `${path}:${path}:ro`),
    `${process.execPath}:/node:ro`,
    `${resolve('test/fixtures/services/file-qdrant.mjs')}:/qdrant/server.mjs:ro`,
    `${volume}:/qdrant/storage`,
  ];
  const variables = ['STORAGE=/qdrant/storage', `QDRANT__SERVICE__HTTP_PORT=${port}`];
  return [
    'run',
    '--detach',
    '--init',
    '--network',
    'host',
    '--name',
    container,
    ...mounts.flatMap((mount) => ['--volume', mount]),
    ...variables.flatMap((variable) => ['--env', variable]),
    TEST_IMAGE,
    '/node',
    '/qdrant/server.mjs',
  ];
}
