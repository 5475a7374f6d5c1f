import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const PATIENT = { limitSeconds: 300 };
const LIMIT_MS = 600_000; // half a dozen commands one after the other, on a machine that does other things too

let project: ServiceProject;
beforeAll(async () => {
  project = await createServiceProject({ top: 'stores: { uploads: { files: { paths: [uploads] } } }', watch: '' });
  for (let count = 0; count < 8; count += 1) project.write(`uploads/${count}`, `${count}`.repeat(5_000_000));
}, LIMIT_MS);
afterAll(() => project.remove());

interface Listed {
  id: string;
  sharedBytes: number;
}
const backup = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.shipway(['backup', ...args], PATIENT));
async function listed(): Promise<Listed[]> {
  const ended = await project.shipway(['backup', 'list', '--json'], PATIENT);
  said(0, ended);
  return (JSON.parse(ended.stdout) as { backups: Listed[] }).backups;
}

function flipEachObject(id: string): void {
  const folder = join(project.directory, '.shipway/backups', id, 'uploads/objects');
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    bytes.writeUInt8((bytes[9] ?? 0) ^ 1, 9);
    writeFileSync(join(folder, name), bytes);
  }
}

test(
  'a backup that took damaged objects over goes into the trash with its fault told, and a full one takes its place at once',
  async () => {
    await backup(0, 'create');
    const [first] = await listed();
    flipEachObject(first?.id ?? '');
    await backup(0, 'create');
    const rows = await project.rows<{ entry: string }>('select entry from shipway.journal order by index');
    const told = rows.map(({ entry }) => JSON.parse(entry) as { type: string; data: Record<string, unknown> });
    const damaged = told.find(({ type }) => type === 'backup.pruned')?.data ?? {};
    expect(damaged['rule']).toMatch(
      new RegExp(
        `^it was damaged when it was taken: part uploads/objects/\\w+ has changed.* shared with ${first?.id ?? ''}$`,
      ),
    );
    const ofIt = told.filter(({ data }) => data['backup'] === damaged['backup']);
    expect(ofIt.map(({ type }) => type)).toEqual(['backup.proven', 'backup.verified', 'backup.pruned']);
    expect(ofIt[1]?.data).toMatchObject({ outcome: 'fail' });
    const after = await listed();
    expect(after).toHaveLength(2);
    expect(after.map(({ id }) => id)).not.toContain(damaged['backup']);
    const next = after.find(({ id }) => id !== first?.id);
    expect(next?.sharedBytes).toBe(0);
    await backup(0, 'verify', next?.id ?? '');
    await backup(0, 'create');
    expect((await listed()).filter(({ sharedBytes }) => sharedBytes > 0)).toHaveLength(1);
  },
  LIMIT_MS,
);
