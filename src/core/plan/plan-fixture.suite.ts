import type { EnvironmentConfig, MigrateConfig, NamedCheck, ServiceConfig } from '../config/service-config.ts';
import type { Facts } from './facts.ts';

const check = (name: string): NamedCheck => ({
  name,
  kind: 'http',
  settings: {},
  tries: 1,
  everySeconds: 0,
  timeoutSeconds: 5,
});

/** A migration that runs before the deploy, needs a rollback of its own and can be rolled back. */
export function migrateWith(change: Partial<MigrateConfig> = {}): MigrateConfig {
  return {
    kind: 'command',
    settings: {},
    when: 'before-deploy',
    compatible: false,
    reversible: true,
    contract: null,
    unsafe: 'refuse',
    allow: {},
    ...change,
  };
}

/** A release file with everything in it, for the tests of the planner. */
export function configWith(change: Partial<EnvironmentConfig> = {}): ServiceConfig {
  const production: EnvironmentConfig = {
    name: 'production',
    after: null,
    envFile: null,
    target: { kind: 'process', settings: {} },
    router: { kind: 'builtin', settings: { component: 'api' } },
    stores: ['database'],
    migrate: migrateWith(),
    rehearsal: null,
    checklist: [check('Tests pass')],
    verify: [check('Health')],
    watch: {
      watchSeconds: 600,
      everySeconds: 10,
      probes: [check('Health')],
      metrics: null,
      criteria: [],
      releaseWindow: null,
    },
    approval: { count: 1, from: ['bo'], selfApproval: false },
    keepOld: 'until-stable',
    drainSeconds: 30,
    ...change,
  };
  return {
    service: 'shop',
    stores: [{ name: 'database', kind: 'sqlite', settings: { path: 'app.db' } }],
    backups: {
      directory: '.shipway/backups',
      keep: {
        forSeconds: 604_800,
        last: 3,
        daily: 7,
        weekly: 4,
        monthly: 6,
        yearly: 0,
        versions: null,
        timeZone: 'UTC',
      },
      drillSeconds: null,
      scratch: '.shipway/scratch',
    },
    variables: { secret: [], public: [] },
    releaseTypes: {
      regular: { approval: null, watchSeconds: null, skip: [] },
      hotfix: { approval: null, watchSeconds: 60, skip: ['prepare', 'staging'] },
    },
    environments: { production },
  };
}

/** A world in which 1.0.0 runs after 0.9.0, both stable. */
export function factsWith(change: Partial<Facts> = {}): Facts {
  return {
    running: { version: '1.0.0', release: 'r-0002' },
    stableVersions: [
      { version: '1.0.0', release: 'r-0002', quarantined: false },
      { version: '0.9.0', release: 'r-0001', quarantined: false },
    ],
    stableElsewhere: [],
    quarantine: null,
    hold: null,
    lock: null,
    revision: '7',
    pending: null,
    atomicity: null,
    contract: { pending: null, atomicity: null },
    rehearsal: null,
    problems: [],
    restoreSeconds: null,
    backups: [],
    commands: {
      apply: [['start']],
      revert: [['stop']],
      migrateUp: [['up']],
      migrateDown: [['down']],
      contract: [],
      checks: { Health: 'GET /health' },
    },
    components: [{ name: 'api', hasPort: true, startWithinSeconds: 30 }],
    placement: 'side-by-side',
    ...change,
  };
}

export const request = {
  version: '1.1.0',
  commit: null,
  environment: 'production',
  releaseType: 'regular',
  reason: null,
};
