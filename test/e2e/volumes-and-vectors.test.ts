import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { acceptLoss } from '../support/accept-loss.ts';
import { dataOf, docker, dockerHost, removeDockerNames, TEST_IMAGE, volumesNamed } from '../support/docker-host.ts';
import { startFakeQdrant, type FakeQdrant } from '../support/fake-qdrant.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const LIMIT_MS = 180_000; // a handful of commands one after the other, on a machine that does other things too
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

const host = await dockerHost();

let project: ServiceProject;
const shipway = async (code: number, ...args: string[]): Promise<string> => said(code, await project.shipway(args));
/** With the loss that it shows before. */
const restore = async (id: string): Promise<string> => {
  const { asked, ended } = await acceptLoss(project, ['backup', 'restore', id]);
  return asked + said(0, ended);
};
const create = async (): Promise<string> => {
  const { backup } = JSON.parse(await shipway(0, 'backup', 'create', '--json')) as { backup: { id: string } };
  return backup.id;
};

describe.skipIf(host.reason !== '')(`document P's volumes (${host.reason})`, () => {
  const name = `shipway-e2e-${process.pid}`;
  const service = `${name}-app`;
  const data = dataOf(host, name);
  const inService = (command: string): string => docker('exec', service, 'sh', '-c', command);

  beforeAll(async () => {
    const around = `stop: [docker, stop, --time, '0', ${service}], start: [docker, start, ${service}]`;
    project = await createServiceProject({
      top: `stores: { uploads: { volume: { name: ${name}, ${around} } } }`,
      watch: '',
    });
    docker('volume', 'create', name);
    writeFileSync(join(data, 'word'), 'old');
    docker('run', '--detach', '--init', '--name', service, '--volume', `${name}:/data`, TEST_IMAGE, 'sleep', '3600');
  });
  afterAll(async () => {
    removeDockerNames(name);
    await project.remove();
  });

  test('a volume that a container uses is backed up, brought back under it, and what was replaced is discarded', async () => {
    const id = await create();
    expect(await shipway(0, 'store', 'check')).toContain('uploads (volume)');
    inService('echo new > /data/word; echo new > /data/since');
    expect(await restore(id)).toContain('uploads');
    expect(inService('cat /data/word; ls /data')).toBe('oldword');
    expect(volumesNamed(name)).toEqual([
      name,
      expect.stringContaining('.replaced-'),
      expect.stringContaining('.restore-'),
    ]);
    expect(await shipway(0, 'backup', 'discard')).toContain(`${name}.replaced-`);
    await shipway(0, 'backup', 'discard', '--all', '--yes');
    expect(volumesNamed(name)).toEqual([name]);
    expect(await shipway(0, 'backup', 'verify', id, '--level', '3')).toContain('restored into a new volume');
  });

  test('without a way to stop it the backup fails, names the container, and lists nothing', async () => {
    const before = await shipway(0, 'backup', 'list', '--json');
    const file = readFileSync(join(project.directory, 'shipway.yaml'), 'utf8');
    project.write('shipway.yaml', file.replace(/, stop: .*\] \} \}/, ' } }'));
    expect(await shipway(1, 'backup', 'create')).toContain(`${service} writes into the volume ${name}`);
    expect(await shipway(0, 'backup', 'list', '--json')).toBe(before);
  });
});

describe('document P and its vectors', () => {
  let fake: FakeQdrant;
  const key = 'vector-key-4711-abcdef';
  const put = (word: string): void =>
    fake.data.put(
      'docs',
      [1, 2, 3].map((id) => ({ id, payload: { word }, vector: [id, word.length] })),
    );
  const words = (): unknown[] =>
    [...fake.data.collection('docs').points.values()].map(({ payload }) => (payload as { word: string }).word);

  beforeAll(async () => {
    fake = await startFakeQdrant({ apiKey: key });
    fake.data.create('docs_v1', { vectors: { size: 2, distance: 'Dot' } });
    fake.data.changeAliases([{ create_alias: { alias_name: 'docs', collection_name: 'docs_v1' } }]);
    put('old');
    project = await createServiceProject({
      top: `stores: { vectors: { qdrant: { url: '${fake.url}', api-key: $QDRANT_API_KEY } } }`,
      environment: '    env-file: .env',
      watch: '',
    });
    project.write('.env', `QDRANT_API_KEY=${key}\n`);
  });
  afterAll(async () => {
    await fake.close();
    await project.remove();
  });

  test('collections are backed up, proven, and brought back behind their alias', async () => {
    const id = await create();
    expect(await shipway(0, 'backup', 'verify', id, '--level', '3')).toContain(
      '3 points with payload and vectors as captured',
    );
    put('new');
    fake.data.put('docs', [{ id: 9, payload: { word: 'new' }, vector: [1, 1] }]);
    expect(await restore(id)).toContain('docs_v1: 3 in the backup, 4 now');
    expect(words()).toEqual(['old', 'old', 'old']);
    await shipway(0, 'backup', 'discard', '--all', '--yes');
    expect(fake.data.collections.has('docs_v1')).toBe(false);
    expect(words()).toEqual(['old', 'old', 'old']);
    expect(await shipway(0, 'store', 'count')).toMatch(/3 {2}docs_v1__r/);
  });

  test('the key stands in nothing that shipway printed or wrote', async () => {
    const printed = await shipway(0, 'backup', 'list');
    expect(printed).not.toContain(key);
    const files = readdirSync(join(project.directory, '.shipway'), { recursive: true, withFileTypes: true });
    const texts = files.filter((file) => file.isFile() && /\.(json|log|jsonl)$/.test(file.name));
    expect(texts.length).toBeGreaterThan(0);
    for (const { parentPath, name } of texts) {
      const file = join(parentPath, name);
      if (existsSync(file)) expect(readFileSync(file, 'utf8'), file).not.toContain(key);
    }
  });
});
