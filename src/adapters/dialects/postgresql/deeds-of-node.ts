import type { AlterSeqStmt, CreateTableAsStmt, Node, TransactionStmt, VacuumStmt, VariableSetStmt } from 'libpg-query';
import type { CreateObject, Deed } from '../../../core/migration/statement.ts';
import { plainName } from '../../../core/migration/statement.ts';
import { alterTable } from './alter-table.ts';
import { constraintsOf } from './constraints.ts';
import { createdAs, createIndex, createTable, dropped, objectKind, renamed } from './objects.ts';
import { listedName, nodesBelow, tableName, tablesBelow, textOf, textsOf } from './names.ts';
import { deleteDeed, insertDeed, updateDeed } from './writes.ts';

/** Statements that change neither schema nor rows, or nothing that anybody waits for. */
const HARMLESS = new Set([
  'CommentStmt',
  'GrantRoleStmt',
  'VariableShowStmt',
  'ExplainStmt',
  'AlterOwnerStmt',
  'CreatePolicyStmt',
  'AlterDefaultPrivilegesStmt',
  'CreateStatsStmt',
  'SecLabelStmt',
  'NotifyStmt',
  'ListenStmt',
  'CheckPointStmt',
  'ConstraintsSetStmt',
  'CreateRoleStmt',
  'AlterRoleStmt',
  'AlterRoleSetStmt',
  'CreatePublicationStmt',
  'CreateCastStmt',
  'AlterObjectDependsStmt',
  'AlterFunctionStmt',
  'DiscardStmt',
]);

/** What one statement does. */
export function deedsOfNode(node: Node): Deed[] {
  const name = Object.keys(node)[0] ?? '';
  if (HARMLESS.has(name)) return [{ kind: 'harmless' }];
  return (
    tableDeeds(node) ??
    objectDeeds(node) ??
    otherDeeds(node) ?? [{ kind: 'opaque', why: `no rule knows ${name.replace('Stmt', '')}` }]
  );
}

function tableDeeds(node: Node): Deed[] | null {
  if ('AlterTableStmt' in node) return alterTable(node.AlterTableStmt);
  if ('CreateStmt' in node) return createTable(node.CreateStmt);
  if ('CreateTableAsStmt' in node) return createdFromQuery(node.CreateTableAsStmt);
  if ('IndexStmt' in node) return [createIndex(node.IndexStmt)];
  if ('DropStmt' in node) return dropped(node.DropStmt);
  if ('RenameStmt' in node) return renamed(node.RenameStmt);
  if ('InsertStmt' in node) return [...withWrites(node.InsertStmt), insertDeed(node.InsertStmt)];
  if ('UpdateStmt' in node) return [...withWrites(node.UpdateStmt), updateDeed(node.UpdateStmt)];
  if ('DeleteStmt' in node) return [...withWrites(node.DeleteStmt), deleteDeed(node.DeleteStmt)];
  if ('TruncateStmt' in node) {
    return (node.TruncateStmt.relations ?? []).map((one): Deed => ({ kind: 'truncate', table: rangeName(one) }));
  }
  if ('SelectStmt' in node) return selectDeeds(node);
  if ('AlterObjectSchemaStmt' in node) {
    const { objectType, relation, newschema = '' } = node.AlterObjectSchemaStmt;
    if (objectType !== 'OBJECT_TABLE')
      return [{ kind: 'rename-object', what: objectKind(objectType), name: tableName(relation), to: newschema }];
    return [{ kind: 'rename-table', table: tableName(relation), to: plainName([newschema, relation?.relname ?? '']) }];
  }
  return null;
}

function createdFromQuery(statement: CreateTableAsStmt): Deed[] {
  const { objtype, into, query, if_not_exists: ifNotExists } = statement;
  if (objtype === 'OBJECT_TABLE') return [createdAs(into?.rel, query, ifNotExists === true)];
  return [
    {
      kind: 'create-object',
      what: objectKind(objtype),
      name: tableName(into?.rel),
      table: null,
      repeatable: ifNotExists === true,
    },
  ];
}

/** WITH moved AS (DELETE … RETURNING *) INSERT …: the write inside counts as well. */
function withWrites(statement: { withClause?: unknown }): Deed[] {
  const deeds: Deed[] = [];
  for (const node of nodesBelow(statement.withClause)) {
    if ('UpdateStmt' in node) deeds.push(updateDeed(node['UpdateStmt'] as Parameters<typeof updateDeed>[0]));
    if ('DeleteStmt' in node) deeds.push(deleteDeed(node['DeleteStmt'] as Parameters<typeof deleteDeed>[0]));
  }
  return deeds;
}

/** A SELECT reads, but a function in it may set lock_timeout, or do anything. */
function selectDeeds(node: Node): Deed[] {
  if (!('SelectStmt' in node)) return [];
  const select = node.SelectStmt;
  if (select.intoClause?.rel !== undefined) return [createdAs(select.intoClause.rel, select.fromClause, false)];
  const inside = withWrites(select);
  for (const below of nodesBelow(select.targetList)) {
    if (!('FuncCall' in below)) continue;
    const call = below['FuncCall'] as { funcname?: Node[]; args?: Node[] };
    const name = textsOf(call.funcname).at(-1) ?? '';
    if (name === 'set_config') return [...inside, configDeed(call.args ?? [])];
    if (name === 'setval')
      return [...inside, { kind: 'move-sequence', sequence: constantOf(call.args?.[0]), restarts: false }];
  }
  return inside.length > 0 ? inside : [{ kind: 'harmless' }];
}

function configDeed(args: readonly Node[]): Deed {
  const [name, value, local] = args.map(constantOf);
  if (name !== 'lock_timeout') return { kind: 'harmless' };
  return { kind: 'set-lock-timeout', milliseconds: milliseconds(value ?? ''), local: local === 'true' };
}

function objectDeeds(node: Node): Deed[] | null {
  const made = createdObject(node);
  if (made !== null) return [{ kind: 'create-object', ...made }];
  if ('AlterEnumStmt' in node) {
    const { typeName, newVal = '', oldVal, skipIfNewValExists } = node.AlterEnumStmt;
    const type = plainName(textsOf(typeName));
    if (oldVal !== undefined)
      return [{ kind: 'rename-object', what: 'type', name: `${type}.${oldVal}`, to: `${type}.${newVal}` }];
    return [{ kind: 'add-enum-value', type, value: newVal, repeatable: skipIfNewValExists === true }];
  }
  if ('DropdbStmt' in node) {
    const { dbname: name = '', missing_ok: missingOk } = node.DropdbStmt;
    return [
      {
        kind: 'drop-object',
        what: 'database',
        name,
        cascades: false,
        concurrently: false,
        repeatable: missingOk === true,
      },
    ];
  }
  if ('GrantStmt' in node) {
    const { is_grant: isGrant, grantees } = node.GrantStmt;
    const from = (grantees ?? [])
      .map((one) => ('RoleSpec' in one ? (one.RoleSpec.rolename ?? 'public') : ''))
      .join(', ');
    return isGrant === true ? [{ kind: 'harmless' }] : [{ kind: 'take-rights', from }];
  }
  return null;
}

type Made = Omit<CreateObject, 'kind'>;

function createdObject(node: Node): Made | null {
  if ('ViewStmt' in node) {
    return {
      what: 'view',
      name: tableName(node.ViewStmt.view),
      table: null,
      repeatable: node.ViewStmt.replace === true,
    };
  }
  if ('CreateFunctionStmt' in node) {
    const { funcname, replace } = node.CreateFunctionStmt;
    return { what: 'function', name: plainName(textsOf(funcname)), table: null, repeatable: replace === true };
  }
  if ('CreateTrigStmt' in node) {
    const { trigname: name = '', relation, replace, funcname } = node.CreateTrigStmt;
    const calls = plainName(textsOf(funcname));
    return { what: 'trigger', name, table: tableName(relation), repeatable: replace === true, calls };
  }
  if ('CreateSeqStmt' in node) {
    const { sequence, if_not_exists: ifNotExists } = node.CreateSeqStmt;
    return { what: 'sequence', name: tableName(sequence), table: null, repeatable: ifNotExists === true };
  }
  if ('CreateSchemaStmt' in node) {
    const { schemaname: name = '', if_not_exists: ifNotExists } = node.CreateSchemaStmt;
    return { what: 'schema', name, table: null, repeatable: ifNotExists === true };
  }
  if ('CreateExtensionStmt' in node) {
    const { extname: name = '', if_not_exists: ifNotExists } = node.CreateExtensionStmt;
    return { what: 'extension', name, table: null, repeatable: ifNotExists === true };
  }
  return createdType(node);
}

function createdType(node: Node): Made | null {
  const made = (name: string): Made => ({ what: 'type', name, table: null, repeatable: false });
  if ('CreateEnumStmt' in node) return made(plainName(textsOf(node.CreateEnumStmt.typeName)));
  if ('CompositeTypeStmt' in node) return made(tableName(node.CompositeTypeStmt.typevar));
  if ('CreateDomainStmt' in node) return made(plainName(textsOf(node.CreateDomainStmt.domainname)));
  if ('CreateRangeStmt' in node) return made(plainName(textsOf(node.CreateRangeStmt.typeName)));
  return null;
}

function otherDeeds(node: Node): Deed[] | null {
  if ('AlterSeqStmt' in node) return [alteredSequence(node.AlterSeqStmt)];
  if ('TransactionStmt' in node) return [transaction(node.TransactionStmt)];
  if ('VariableSetStmt' in node) return [setting(node.VariableSetStmt)];
  if ('VacuumStmt' in node) return vacuum(node.VacuumStmt);
  if ('ClusterStmt' in node)
    return [{ kind: 'work', how: 'rewrite', table: tableName(node.ClusterStmt.relation), label: 'CLUSTER' }];
  if ('ReindexStmt' in node) {
    const { relation, name, params } = node.ReindexStmt;
    if (optionNames(params).includes('concurrently')) return [{ kind: 'harmless' }];
    return [
      {
        kind: 'work',
        how: 'reindex',
        table: relation === undefined ? (name ?? '') : tableName(relation),
        label: 'REINDEX',
      },
    ];
  }
  if ('RefreshMatViewStmt' in node) {
    const { relation, concurrent } = node.RefreshMatViewStmt;
    if (concurrent === true) return [{ kind: 'harmless' }];
    return [{ kind: 'work', how: 'refresh', table: tableName(relation), label: 'REFRESH MATERIALIZED VIEW' }];
  }
  if ('LockStmt' in node) {
    return (node.LockStmt.relations ?? []).map((one): Deed => ({
      kind: 'work',
      how: 'lock',
      table: rangeName(one),
      label: 'LOCK TABLE',
    }));
  }
  if ('CopyStmt' in node && node.CopyStmt.is_from === true) return [copied(tableName(node.CopyStmt.relation))];
  if ('AlterDomainStmt' in node) {
    const validates =
      node.AlterDomainStmt.def !== undefined && constraintsOf([node.AlterDomainStmt.def])[0]?.skip_validation !== true;
    return validates
      ? [
          {
            kind: 'opaque',
            why: 'every table with a column of the domain is looked at, and which those are is not in the SQL',
          },
        ]
      : [{ kind: 'harmless' }];
  }
  return null;
}

/** Rows from outside: how many, and what is in them, nobody knows. */
function copied(table: string): Deed {
  const unknown = { columns: [], reads: [], pins: {}, puts: {} };
  return { kind: 'write', how: 'insert', table, ...unknown, bounded: false, repeatable: false };
}

function alteredSequence({ sequence, options }: AlterSeqStmt): Deed {
  if (!optionNames(options).includes('restart')) return { kind: 'harmless' };
  return { kind: 'move-sequence', sequence: tableName(sequence), restarts: true };
}

function transaction({ kind }: TransactionStmt): Deed {
  switch (kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return { kind: 'begin' };
    case 'TRANS_STMT_COMMIT':
    case 'TRANS_STMT_ROLLBACK':
    case 'TRANS_STMT_PREPARE':
      return { kind: 'commit' };
    default:
      return { kind: 'harmless' };
  }
}

function setting({ name, kind, args, is_local: isLocal }: VariableSetStmt): Deed {
  if (name !== 'lock_timeout') return { kind: 'harmless' };
  const value = kind === 'VAR_SET_VALUE' ? constantOf(args?.[0]) : '0';
  return { kind: 'set-lock-timeout', milliseconds: milliseconds(value), local: isLocal === true };
}

function vacuum(statement: VacuumStmt): Deed[] {
  if (statement.is_vacuumcmd !== true || !optionNames(statement.options).includes('full'))
    return [{ kind: 'harmless' }];
  const tables = tablesBelow(
    statement.rels?.map((node) => ('VacuumRelation' in node ? { RangeVar: node.VacuumRelation.relation } : node)),
  );
  return (tables.length > 0 ? tables : ['every table']).map((table): Deed => ({
    kind: 'work',
    how: 'rewrite',
    table,
    label: 'VACUUM FULL',
  }));
}

function optionNames(options: readonly Node[] | undefined): string[] {
  return (options ?? []).flatMap((node) =>
    'DefElem' in node && node.DefElem.defname !== undefined ? [node.DefElem.defname] : [],
  );
}

function rangeName(node: Node): string {
  return 'RangeVar' in node ? tableName(node.RangeVar) : listedName(node);
}

function constantOf(node: Node | undefined): string {
  if (node === undefined) return '';
  if ('TypeCast' in node) return constantOf(node.TypeCast.arg);
  if (!('A_Const' in node)) return textOf(node);
  const { ival, fval, sval, boolval } = node.A_Const;
  if (sval !== undefined) return sval.sval ?? '';
  if (boolval !== undefined) return String(boolval.boolval ?? false);
  return fval?.fval ?? String(ival?.ival ?? 0);
}

const UNITS: Record<string, number> = { us: 0.001, ms: 1, '': 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2s`, `200ms` or a number of milliseconds; what cannot be read counts as not set. */
export function milliseconds(text: string): number {
  const [, number = '0', unit = ''] = /^\s*([\d.]+)\s*([a-z]*)\s*$/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? 0);
}
