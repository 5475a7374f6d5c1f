import { describe, expect, test } from 'vitest';
import type { EnvironmentConfig, MaintenanceConfig } from '../config/service-config.ts';
import type { DownEvidence } from './down-evidence.ts';
import type { Facts, RollbackRequest } from './facts.ts';
import { refusedWords } from './maintenance-steps.ts';
import { configWith, factsWith } from './plan-fixture.suite.ts';
import { planRollback } from './plan-rollback.ts';
import { stepsOf, type Plan } from './plan.ts';
import { renderPlan } from './render-plan.ts';
import type { SchemaEvent } from './schema-history.ts';

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 21, 10, minute)).toISOString();
const backupId = (release: string, minute: number) => ({
  id: `bk_20261121T10${String(minute).padStart(2, '0')}00Z_shop_production_pre-release_${release.replace('r-000', 'aaaaa')}`,
  reason: 'pre-release',
  release,
  version: null,
  consistentAt: at(minute),
  // Written to its end when the migration after it was over.
  createdAt: at(minute + 3),
});

/** 0.9.0 at revision 6, then 1.0.0, whose migration to 7 is as given. */
function world(
  said: { compatible?: boolean; down?: DownEvidence; reversible?: boolean; more?: SchemaEvent[] } = {},
): Facts {
  const up = { kind: 'up' as const, at: at(20), release: 'r-0002', before: '6', after: '7', takenAt: null };
  const { compatible = false, reversible = true, down = { state: 'proven' } } = said;
  return factsWith({
    stableVersions: [
      { version: '1.0.0', release: 'r-0002', quarantined: false, finishedAt: at(25) },
      { version: '0.9.0', release: 'r-0001', quarantined: false, finishedAt: at(5) },
    ],
    schema: {
      events: [up, ...(said.more ?? [])],
      releases: { 'r-0002': { version: '1.0.0', compatible, reversible, down } },
    },
    backups: [backupId('r-0002', 19)],
  });
}

const wish: RollbackRequest = { environment: 'production', to: null, depth: 'full', backup: null, reason: 'bad' };
const back = (
  facts: Facts,
  change: Partial<RollbackRequest> = {},
  environment: Partial<EnvironmentConfig> = {},
): Plan => planRollback(configWith(environment), { ...wish, ...change }, facts, 'sha256:c');
const ids = (plan: Plan): string[] => stepsOf(plan).map(({ step }) => step.id);

describe('a rollback in full takes the way that loses least', () => {
  test('a compatible schema is left alone, but the present state is backed up', () => {
    const plan = back(world({ compatible: true }));
    expect(plan.data).toMatchObject({ way: 'leave', since: null });
    expect(ids(plan)).toEqual([
      'lock.take',
      'backup.pre-rollback',
      'deploy.apply',
      'deploy.health',
      'deploy.traffic',
      'verify.checks',
      'retire.old',
    ]);
  });

  test('an incompatible one with a way down: nobody writes, then a backup, then down with the newer files, then the older version', () => {
    const plan = back(world());
    expect(plan.data).toMatchObject({ way: 'down', since: at(20) });
    expect(ids(plan)).toEqual([
      'lock.take',
      'maintenance.router',
      'data.stop',
      'backup.pre-rollback',
      'data.down',
      'deploy.apply',
      'deploy.health',
      'deploy.traffic',
      'verify.checks',
    ]);
    const down = stepsOf(plan).find(({ step }) => step.id === 'data.down')?.step;
    expect(down?.input).toMatchObject({ version: '1.0.0', revisionBefore: '6' });
  });

  test('the files of the way down are those kept before the release that migrated, whichever release brought what runs', () => {
    // 0.9.5 came back over the schema of 1.0.0.
    const plan = back({ ...world(), running: { version: '0.9.5', release: 'r-0003' } }, { to: '0.9.0' });
    const down = stepsOf(plan).find(({ step }) => step.id === 'data.down')?.step;
    expect([plan.previous?.release, down?.input['downFrom']]).toEqual(['r-0003', 'before:r-0002']);
  });

  test('no way down: the backup from before that migration, restored beside before anybody has to wait', () => {
    const plan = back(world({ reversible: false, down: { state: 'none', why: 'the migration has no way down' } }));
    expect(plan.data).toMatchObject({ way: 'restore', backup: backupId('r-0002', 19).id, since: at(19) });
    expect(ids(plan).slice(0, 6)).toEqual([
      'lock.take',
      'backup.pre-rollback',
      'data.stage',
      'maintenance.router',
      'data.stop',
      'data.swap',
    ]);
  });

  test('a way down that a rehearsal found wrong is not gone', () => {
    const plan = back(world({ down: { state: 'none', why: 'its rehearsal failed: rows are missing' } }));
    expect(plan.data?.way).toBe('restore');
    expect(plan.data?.others[1]?.refused).toBe('1.0.0: its rehearsal failed: rows are missing');
  });

  test('what was taken away for good is had back from the backup alone', () => {
    const taken = { kind: 'contract' as const, at: at(24), release: 'r-0002', before: '7', after: '8', takenAt: null };
    const plan = back({ ...world({ compatible: true, more: [taken] }), revision: '8' });
    expect(plan.data?.way).toBe('restore');
  });

  test('the ways that were not chosen are shown with their loss, or with what stands against them', () => {
    const text = renderPlan(
      back(world({ down: { state: 'lossy', count: 12, what: ['column orders.note: 12 values'] } })),
      'x',
    );
    expect(text.join('\n')).toContain(
      'data: down; what only the newer schema has a place for is lost (down: 1.0.0 lossy(12); when it was rehearsed: column orders.note: 12 values)',
    );
    expect(text.join('\n')).toContain('or --data leave: not possible, the schema of 1.0.0 is not compatible');
    expect(text.join('\n')).toContain(`or --data restore: everything written since ${at(19)} is no longer served`);
  });
});

describe('the backup of a rollback that nobody named one for', () => {
  const none: DownEvidence = { state: 'none', why: 'the migration has no way down' };

  /** 0.9.0, then a compatible migration of r-0003 that stayed when it was rolled back, then 1.0.0 of r-0004 without a way down. */
  function kept(backups: Facts['backups'], more: SchemaEvent[] = []): Facts {
    const up = (release: string, minute: number, before: string, after: string): SchemaEvent => ({
      kind: 'up',
      at: at(minute),
      release,
      before,
      after,
      takenAt: null,
    });
    const said = { reversible: false, down: none };
    return factsWith({
      running: { version: '1.0.0', release: 'r-0004' },
      revision: '8',
      stableVersions: [
        { version: '1.0.0', release: 'r-0004', quarantined: false, finishedAt: at(45) },
        { version: '0.9.0', release: 'r-0001', quarantined: false, finishedAt: at(5) },
      ],
      schema: {
        events: [...more, up('r-0003', 20, '6', '7'), up('r-0004', 40, '7', '8')],
        releases: {
          'r-0003': { version: '0.9.5', compatible: true, ...said },
          'r-0004': { version: '1.0.0', compatible: false, ...said },
        },
      },
      backups,
    });
  }
  const chosen = (backups: Facts['backups'], more: SchemaEvent[] = []) => back(kept(backups, more)).data?.backup;
  const [before3, before4] = [backupId('r-0003', 19), backupId('r-0004', 39)];

  test('is from before the first change that is not compatible: what is older loses more, and may be gone', () => {
    expect(chosen([before3, before4])).toBe(before4.id);
    expect(chosen([before4])).toBe(before4.id);
  });

  test('is the newest that the older version can read, where that one is gone, damaged or suspicious', () => {
    const daily = { ...backupId('r-0009', 30), reason: 'daily', release: null };
    const late = { ...backupId('r-0008', 50), reason: 'daily', release: null };
    expect(chosen([before3, daily, late])).toBe(daily.id);
    expect(chosen([before3, { ...before4, failed: true }, late])).toBe(before3.id);
    expect(chosen([before3, { ...daily, suspicious: true }])).toBe(before3.id);
    expect(() => back(kept([late]))).toThrow('no way to treat the data can be gone');
  });

  test('is none with an older schema than the version ran on, nor one whose revision the record does not know', () => {
    const first = { kind: 'up' as const, at: at(3), release: 'r-0001', before: '5', after: '6', takenAt: null };
    expect(() => back(kept([backupId('r-0001', 2)], [first]))).toThrow('no way to treat the data can be gone');
    expect(() => back(kept([{ ...before3, revision: '66' }]))).toThrow('no way to treat the data can be gone');
    expect(chosen([{ ...before3, revision: '6' }])).toBe(before3.id);
  });

  test('is not the damaged one of two that were taken before the same release', () => {
    const damaged = { ...before4, id: `${before4.id}z`, consistentAt: at(39), failed: true };
    expect(chosen([damaged, before4])).toBe(before4.id);
    expect(chosen([before4, damaged])).toBe(before4.id);
  });

  test('is too new when it was found at the newer revision before the record of the migration was written', () => {
    const between = { ...before4, revision: '8' };
    expect(() => back(kept([between]), { backup: between.id })).toThrow('has the schema of 1.0.0');
  });
});

describe('a person may choose the way', () => {
  test('leaving the data is never refused, and warned of where it is not compatible', () => {
    const plan = back(world(), { depth: 'quick' });
    expect(plan.data?.way).toBe('leave');
    expect(plan.warnings).toEqual([
      'the schema of 1.0.0 is not compatible with the older version; it may fail. With the data: --full',
    ]);
  });

  test('a way that cannot be gone is refused with the others', () => {
    const refused = () => back(world({ compatible: true }), { data: 'restore', backup: 'bk_unknown' });
    expect(refused).toThrow('--data restore cannot be gone: there is no backup bk_unknown');
    expect(() => back(factsWith(), { data: 'down' })).toThrow('there is no migration to take back');
  });

  test('a backup of a schema that the older version never ran on is refused', () => {
    const facts = world();
    const late = backupId('r-0009', 30);
    const refused = () => back({ ...facts, backups: [...facts.backups, late] }, { backup: late.id });
    expect(refused).toThrow(`${late.id} has the schema of 1.0.0, on which the older version never ran`);
  });

  test('only the data goes back where the version that runs is the one that is wanted', () => {
    expect(back(world(), { to: '1.0.0', backup: backupId('r-0002', 19).id }).version.number).toBe('1.0.0');
    expect(() => back(world(), { to: '1.0.0' })).toThrow('1.0.0 is what runs in production');
  });
});

describe('a rollback to a revision', () => {
  test('goes to the newest version that ran on it, and takes the schema there', () => {
    const plan = back(world(), { revision: '6' });
    expect(plan.version.number).toBe('0.9.0');
    expect(plan.data?.way).toBe('down');
  });

  test('is refused with the known ones where no version ran on it', () => {
    expect(() => back(world(), { revision: '5' })).toThrow('was stable in production at revision 5');
    expect(() => back(world(), { revision: '5' })).toThrow(
      expect.objectContaining({ next: 'Known: 1.0.0 at 7, 0.9.0 at 6' }),
    );
  });
});

describe('maintenance', () => {
  const check = { name: 'c', kind: 'http', settings: {}, tries: 1, everySeconds: 1, timeoutSeconds: 5 };
  const declared: MaintenanceConfig = { by: { on: check, off: check }, check };

  test('what the release file declares is turned on first and off before anything is verified', () => {
    const plan = back(world(), {}, { maintenance: declared });
    const order = ids(plan);
    expect(order.slice(1, 4)).toEqual(['maintenance.on', 'maintenance.router', 'data.stop']);
    expect(order.indexOf('maintenance.off')).toBeGreaterThan(order.indexOf('deploy.traffic'));
    expect(order.indexOf('maintenance.off')).toBeLessThan(order.indexOf('verify.checks'));
    expect(stepsOf(plan)[1]?.step.undo?.kind).toBe('end-maintenance');
  });

  test('a kill-switch that is declared comes first also where the data is left alone', () => {
    const plan = back(world({ compatible: true }), { depth: 'quick' }, { maintenance: declared });
    expect(ids(plan)).toEqual([
      'lock.take',
      'maintenance.on',
      'deploy.apply',
      'deploy.health',
      'deploy.traffic',
      'maintenance.off',
      'verify.checks',
      'retire.old',
    ]);
  });

  test('without anything that keeps writers away no data is changed', () => {
    const facts: Facts = { ...world(), placement: 'in-place' };
    expect(() => back(facts, {}, { router: null })).toThrow(
      /no way to treat the data can be gone\. --data leave: the schema of .* is not compatible.*; --data down: nothing keeps writers away/,
    );
    expect(() => back(facts, { data: 'down' }, { router: null })).toThrow('nothing keeps writers away from the data');
    const switched = back(facts, {}, { router: null, maintenance: { by: { file: 'flag' }, check: null } });
    expect([switched.data?.way, refusedWords(switched)]).toEqual(['down', 'the service refuses work']);
  });
});
