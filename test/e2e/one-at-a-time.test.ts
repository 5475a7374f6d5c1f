import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

let project: ServiceProject;

beforeAll(async () => {
  project = await createServiceProject();
  for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0', '1.6.0'])
    project.addVersion(version, 'healthy');
});
afterAll(() => project.remove());

interface ReleaseRow {
  id: string;
  version: string;
  state: string;
}

const ROUNDS = [
  ['1.1.0', '1.2.0'],
  ['1.3.0', '1.4.0'],
  ['1.5.0', '1.6.0'],
] as const;

test('of two releases started at the same moment one runs and the other is refused with who, why and since when', async () => {
  said(0, await project.release('1.0.0'));
  for (const [first, second] of ROUNDS) {
    const both = await Promise.all([
      project.release(first, ['--reason', `wanted ${first}`], { as: 'ana' }),
      project.release(second, ['--reason', `wanted ${second}`], { as: 'bo' }),
    ]);
    expect(new Set(both.map(({ exitCode }) => exitCode)), JSON.stringify(both)).toEqual(new Set([0, 30]));
    const winner = both[0].exitCode === 0 ? 0 : 1;
    const refused = both[1 - winner]!;
    const [who, why] =
      winner === 0 ? ['ana', `release of ${first}: wanted ${first}`] : ['bo', `release of ${second}: wanted ${second}`];
    expect(said(30, refused)).toMatch(
      new RegExp(`shop production is locked by r-\\d{4} of ${who} since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z: ${why}`),
    );
    expect(await project.publicVersion()).toBe(winner === 0 ? first : second);
    const last = await project.rows<ReleaseRow>(
      'select id, version, state from shipway.release order by number desc limit 1',
    );
    expect(['stable', 'cancelled']).toContain(last[0]?.state);
  }
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
  expect(await project.rows(`select * from shipway.release where finished_at is null`)).toEqual([]);
  said(0, await project.shipway(['verify']));
}, 180_000);
