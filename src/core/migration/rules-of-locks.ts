import type { AddConstraint, CreateIndex, Deed, Work } from './statement.ts';
import { bySize, isOld, isSqlite, quoted, type Remark, type Scene } from './scene.ts';

const LOCK_TIMEOUT_MAX_MS = 5000; // everybody else waits as long as the migration does; measured: 200 ms and retries stalled nobody for longer than 201 ms

/** Rules about statements that make others wait. */
export function lockRemarks(deed: Deed, scene: Scene): Remark[] {
  if (isSqlite(scene)) return [];
  switch (deed.kind) {
    case 'create-index':
      return createIndex(deed, scene);
    case 'drop-object':
      return dropIndex(deed, scene);
    case 'add-constraint':
      return isOld(scene, deed.table) ? addConstraint(deed, scene) : [];
    case 'validate-constraint':
      return validate(deed, scene);
    case 'work':
      return isOld(scene, deed.table) ? work(deed, scene) : [];
    case 'create-object':
      return createTrigger(deed, scene);
    case 'detach-partition':
      return deed.concurrently && scene.progress.inTransaction ? [inTransaction('DETACH PARTITION')] : [];
    default:
      return [];
  }
}

function inTransaction(statement: string): Remark {
  return {
    rule: 'concurrently-in-transaction',
    why: `PostgreSQL refuses ${statement} CONCURRENTLY inside a transaction`,
    safeWay: `-- a migration of its own that the tool runs without a transaction:\n${statement} CONCURRENTLY …;`,
  };
}

function createIndex(deed: CreateIndex, scene: Scene): Remark[] {
  if (deed.concurrently) return scene.progress.inTransaction ? [inTransaction('CREATE INDEX')] : [];
  if (!isOld(scene, deed.table)) return [];
  const name = deed.name === null ? '' : ` ${quoted(deed.name)}`;
  return bySize(scene, deed.table, 'index', {
    rule: 'index-blocks-writes',
    why: `nobody can write ${deed.table} while the index is built`,
    safeWay: `-- a migration of its own, outside a transaction:\nDROP INDEX CONCURRENTLY IF EXISTS${name};  -- what a try that failed left behind\nCREATE INDEX CONCURRENTLY${name} ON ${quoted(deed.table)} (…);`,
  });
}

function dropIndex(deed: Extract<Deed, { kind: 'drop-object' }>, scene: Scene): Remark[] {
  if (deed.what !== 'index') return [];
  if (deed.concurrently) return scene.progress.inTransaction ? [inTransaction('DROP INDEX')] : [];
  if (scene.progress.newObjects.has(`index ${deed.name}`)) return [];
  const why = `DROP INDEX waits for every reader of the table of ${deed.name}, and everybody who comes later waits behind it`;
  const safeWay = `-- a migration of its own, outside a transaction:\nDROP INDEX CONCURRENTLY IF EXISTS ${quoted(deed.name)};`;
  return [{ rule: 'drop-index-blocks-reads', why, safeWay }];
}

function addConstraint(deed: AddConstraint, scene: Scene): Remark[] {
  if (!deed.validates || deed.usesIndex) return [];
  const [table, name] = [quoted(deed.table), quoted(deed.name ?? 'name')];
  if (deed.constraint === 'exclude') {
    return bySize(scene, deed.table, 'index', {
      rule: 'constraint-validates-at-once',
      why: `nobody can write ${deed.table} while the index of the exclusion is built; PostgreSQL has no other way`,
      safeWay: `-- in a maintenance window, or on a new table that is filled in batches`,
    });
  }
  if (deed.constraint === 'unique' || deed.constraint === 'primary key') {
    const what = deed.constraint.toUpperCase();
    return bySize(scene, deed.table, 'index', {
      rule: 'constraint-validates-at-once',
      why: `nobody can read or write ${deed.table} while the index of the ${deed.constraint} is built`,
      safeWay: `-- outside a transaction:\nCREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${table} (${deed.columns.map(quoted).join(', ')});\nALTER TABLE ${table} ADD CONSTRAINT ${name} ${what} USING INDEX ${name};`,
    });
  }
  const both = deed.references === null ? '' : ` and ${deed.references}`;
  return bySize(scene, deed.table, 'scan', {
    rule: 'constraint-validates-at-once',
    why: `every row of ${deed.table} is looked at while nobody can write it${both}`,
    safeWay: `ALTER TABLE ${table} ADD CONSTRAINT ${name} … NOT VALID;\n-- in a transaction of its own, readers and writers go on:\nALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`,
  });
}

function validate(deed: { table: string; name: string }, scene: Scene): Remark[] {
  const { progress } = scene;
  const addedIn = progress.notValid.get(`${deed.table} ${deed.name}`);
  if (addedIn === undefined || !progress.inTransaction || addedIn !== progress.transaction) return [];
  if (!isOld(scene, deed.table)) return [];
  return bySize(scene, deed.table, 'scan', {
    rule: 'validated-in-same-transaction',
    why: `the lock of ADD CONSTRAINT on ${deed.table} lasts to the end of the transaction, and with it the look at every row`,
    safeWay: `COMMIT;  -- after ADD CONSTRAINT … NOT VALID\nALTER TABLE ${quoted(deed.table)} VALIDATE CONSTRAINT ${quoted(deed.name)};`,
  });
}

function work(deed: Work, scene: Scene): Remark[] {
  const { table, label, how } = deed;
  switch (how) {
    case 'rewrite':
      return bySize(scene, table, 'rewrite', {
        rule: 'table-rewrite',
        why: `${label} writes ${table} anew while nobody can read it`,
        safeWay: `-- in a maintenance window, or with pg_repack; a plain VACUUM blocks nobody`,
      });
    case 'reindex':
      return bySize(scene, table, 'index', {
        rule: 'index-blocks-writes',
        why: `nobody can write what ${label} works on until it is done`,
        safeWay: `${label} CONCURRENTLY ${quoted(table)};  -- outside a transaction`,
      });
    case 'refresh':
      return [
        {
          rule: 'refresh-blocks-reads',
          why: `nobody can read ${table} until it is computed`,
          safeWay: `REFRESH MATERIALIZED VIEW CONCURRENTLY ${quoted(table)};  -- needs a unique index on it`,
        },
      ];
    case 'lock':
      return [
        {
          rule: 'explicit-lock',
          why: `everybody who needs ${table} waits until the end of the transaction`,
          safeWay: `SET LOCAL lock_timeout = '200ms';\n-- and lock in a weaker mode: LOCK TABLE ${quoted(table)} IN SHARE ROW EXCLUSIVE MODE;`,
        },
      ];
    case 'scan partition':
      return [
        {
          rule: 'partition-scans',
          why: `every row of ${table} is looked at, under a lock, unless a CHECK of the same range is there and validated`,
          safeWay: `ALTER TABLE ${quoted(table)} ADD CONSTRAINT in_range CHECK (…) NOT VALID;\nALTER TABLE ${quoted(table)} VALIDATE CONSTRAINT in_range;\n-- then ATTACH PARTITION`,
        },
      ];
    case 'hide rows':
      return [
        {
          rule: 'rows-hidden',
          why: `the version that runs sees no rows of ${table} for which no policy is there`,
          safeWay: `-- policies first, in an earlier release:\nCREATE POLICY all_rows ON ${quoted(table)} USING (true);`,
        },
      ];
  }
}

function createTrigger(deed: Extract<Deed, { kind: 'create-object' }>, scene: Scene): Remark[] {
  if (deed.what !== 'trigger' || deed.table === null || !isOld(scene, deed.table)) return [];
  if (deed.calls !== undefined && scene.progress.computing.has(deed.calls)) return [];
  const why = `the trigger ${deed.name} also acts on what the version that runs writes to ${deed.table}, and may refuse it`;
  const safeWay = `-- let the trigger pass whatever it does not know, and rehearse the writes of the version that runs against it`;
  return [{ rule: 'trigger-on-old-writes', why, safeWay }];
}

/** Whether the deed takes a lock on an existing table that queries wait for, however short it is. Returns that table. */
export function stronglyLocked(deed: Deed, scene: Scene): string | null {
  switch (deed.kind) {
    case 'drop-table':
    case 'rename-table':
    case 'add-column':
    case 'drop-column':
    case 'rename-column':
    case 'change-type':
    case 'set-default':
    case 'drop-default':
    case 'set-not-null':
    case 'drop-not-null':
    case 'add-constraint':
    case 'drop-constraint':
    case 'truncate':
      return isOld(scene, deed.table) ? deed.table : null;
    case 'create-index':
      return deed.concurrently || !isOld(scene, deed.table) ? null : deed.table;
    case 'work':
      return isOld(scene, deed.table) ? deed.table : null;
    case 'detach-partition':
      return deed.concurrently || !isOld(scene, deed.table) ? null : deed.table;
    case 'create-object':
      return deed.what === 'trigger' && deed.table !== null && isOld(scene, deed.table) ? deed.table : null;
    default:
      return null;
  }
}

/** What is wrong with the lock_timeout that holds for the deed; null when it is in order or does not matter. */
export function lockTimeoutRemark(deed: Deed, scene: Scene): Remark | null {
  if (isSqlite(scene)) return null;
  const table = stronglyLocked(deed, scene);
  const { localLockTimeoutMs, lockTimeoutMs } = scene.progress;
  const holds = localLockTimeoutMs ?? lockTimeoutMs ?? 0;
  if (table === null || (holds > 0 && holds <= LOCK_TIMEOUT_MAX_MS)) return null;
  const safeWay = `SET lock_timeout = '200ms';  -- before it; and try again when it was not given the lock\nSET statement_timeout = '15s';`;
  const wait =
    holds === 0
      ? 'waits for a lock without a limit'
      : `waits for a lock up to ${holds / 1000} s, longer than ${LOCK_TIMEOUT_MAX_MS / 1000} s`;
  const why = `it ${wait}: behind one idle transaction on ${table}, every query of ${table} waits as well`;
  return { rule: 'no-lock-timeout', why, safeWay };
}
