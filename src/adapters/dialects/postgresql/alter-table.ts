import type { AlterTableCmd, AlterTableStmt, Node } from 'libpg-query';
import type { Deed } from '../../../core/migration/statement.ts';
import { addedColumn, addedConstraint } from './constraints.ts';
import { defaultKind } from './default-kind.ts';
import { columnOf } from './literals.ts';
import { tableName, typeText } from './names.ts';

/** Subcommands that neither rewrite, nor look at rows, nor change what a query sees. */
const HARMLESS = new Set<AlterTableCmd['subtype']>([
  'AT_SetStatistics',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_AlterConstraint',
  'AT_ChangeOwner',
  'AT_ClusterOn',
  'AT_DropCluster',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_ReplicaIdentity',
  'AT_EnableTrig',
  'AT_EnableAlwaysTrig',
  'AT_EnableReplicaTrig',
  'AT_EnableTrigAll',
  'AT_EnableTrigUser',
  'AT_DisableRowSecurity',
  'AT_NoForceRowSecurity',
  'AT_AddIdentity',
  'AT_SetIdentity',
  'AT_DropExpression',
]);

/** Each subcommand of ALTER TABLE is a deed of its own. */
export function alterTable(statement: AlterTableStmt): Deed[] {
  const table = tableName(statement.relation);
  if (
    statement.objtype === 'OBJECT_INDEX' ||
    statement.objtype === 'OBJECT_SEQUENCE' ||
    statement.objtype === 'OBJECT_VIEW'
  ) {
    return [{ kind: 'harmless' }];
  }
  return (statement.cmds ?? []).flatMap((node): Deed[] =>
    'AlterTableCmd' in node ? subcommand(table, node.AlterTableCmd) : [],
  );
}

function subcommand(table: string, command: AlterTableCmd): Deed[] {
  const { subtype, def, name = '' } = command;
  const repeatable = command.missing_ok === true;
  if (HARMLESS.has(subtype)) return [{ kind: 'harmless' }];
  switch (subtype) {
    case 'AT_AddColumn':
      return def !== undefined && 'ColumnDef' in def ? [addedColumn(table, def.ColumnDef, repeatable)] : [];
    case 'AT_DropColumn':
      return [{ kind: 'drop-column', table, column: name, repeatable }];
    case 'AT_AlterColumnType': {
      const column = def !== undefined && 'ColumnDef' in def ? def.ColumnDef : {};
      const type = typeText(column.typeName);
      const converts = column.raw_default !== undefined && !isPlainCast(column.raw_default, name, type);
      return [{ kind: 'change-type', table, column: name, type, converts }];
    }
    case 'AT_ColumnDefault':
      // DROP DEFAULT has no expression, SET DEFAULT NULL means the same.
      return [{ kind: defaultKind(def) === 'none' ? 'drop-default' : 'set-default', table, column: name }];
    case 'AT_SetNotNull':
      return [{ kind: 'set-not-null', table, column: name }];
    case 'AT_DropNotNull':
      return [{ kind: 'drop-not-null', table, column: name }];
    case 'AT_DropIdentity':
      return [{ kind: 'drop-default', table, column: name }];
    case 'AT_AddConstraint': {
      const added = def !== undefined && 'Constraint' in def ? addedConstraint(table, def.Constraint) : null;
      return added === null ? [] : [added];
    }
    case 'AT_ValidateConstraint':
      return [{ kind: 'validate-constraint', table, name }];
    case 'AT_DropConstraint':
      return [{ kind: 'drop-constraint', table, name, repeatable }];
    default:
      return wholeTable(table, command);
  }
}

function wholeTable(table: string, { subtype, def }: AlterTableCmd): Deed[] {
  switch (subtype) {
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
      return [
        { kind: 'work', how: 'rewrite', table, label: subtype === 'AT_SetLogged' ? 'SET LOGGED' : 'SET UNLOGGED' },
      ];
    case 'AT_SetTableSpace':
      return [{ kind: 'work', how: 'rewrite', table, label: 'SET TABLESPACE' }];
    case 'AT_SetAccessMethod':
      return [{ kind: 'work', how: 'rewrite', table, label: 'SET ACCESS METHOD' }];
    case 'AT_SetExpression':
      return [{ kind: 'work', how: 'rewrite', table, label: 'SET EXPRESSION' }];
    case 'AT_EnableRowSecurity':
    case 'AT_ForceRowSecurity':
      return [{ kind: 'work', how: 'hide rows', table, label: 'ROW LEVEL SECURITY' }];
    case 'AT_AttachPartition': {
      const partition = def !== undefined && 'PartitionCmd' in def ? tableName(def.PartitionCmd.name) : table;
      return [{ kind: 'work', how: 'scan partition', table: partition, label: 'ATTACH PARTITION' }];
    }
    case 'AT_DetachPartition': {
      const { name, concurrent } = def !== undefined && 'PartitionCmd' in def ? def.PartitionCmd : {};
      return [{ kind: 'detach-partition', table, partition: tableName(name), concurrently: concurrent === true }];
    }
    case undefined:
      return [];
    default:
      return [{ kind: 'opaque', why: `no rule knows ALTER TABLE … ${words(subtype)}` }];
  }
}

/** `USING amount::numeric(12, 2)` beside TYPE numeric(12, 2): what would be done without it. */
function isPlainCast(using: Node, column: string, type: string): boolean {
  if ('TypeCast' in using) {
    return typeText(using.TypeCast.typeName) === type && columnOf(using.TypeCast.arg) === column;
  }
  return columnOf(using) === column;
}

/** `AT_DetachPartition` as words. */
function words(subtype: string): string {
  return subtype.replace('AT_', '').replaceAll(/([a-z])([A-Z])/g, '$1 $2');
}
