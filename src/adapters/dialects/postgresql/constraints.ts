import type { ColumnDef, Constraint, Node } from 'libpg-query';
import type { AddColumn, AddConstraint, ConstraintKind } from '../../../core/migration/statement.ts';
import { defaultKind } from './default-kind.ts';
import { tableName, textOf, textsOf, typeText } from './names.ts';

const KINDS: Partial<Record<NonNullable<Constraint['contype']>, ConstraintKind>> = {
  CONSTR_CHECK: 'check',
  CONSTR_FOREIGN: 'foreign key',
  CONSTR_UNIQUE: 'unique',
  CONSTR_PRIMARY: 'primary key',
  CONSTR_EXCLUSION: 'exclude',
  CONSTR_NOTNULL: 'not null',
};

export function constraintsOf(nodes: readonly Node[] | undefined): Constraint[] {
  return (nodes ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
}

/** ADD CONSTRAINT; null for a kind that is none (attributes of the one before). */
export function addedConstraint(table: string, constraint: Constraint): AddConstraint | null {
  const kind = constraint.contype === undefined ? undefined : KINDS[constraint.contype];
  if (kind === undefined) return null;
  return {
    kind: 'add-constraint',
    table,
    name: constraint.conname ?? constraint.indexname ?? null,
    constraint: kind,
    columns: [...textsOf(constraint.keys), ...textsOf(constraint.fk_attrs)],
    references: constraint.pktable === undefined ? null : tableName(constraint.pktable),
    // NOT ENFORCED looks at no row, now or later.
    validates: constraint.skip_validation !== true && constraint.is_enforced !== false,
    usesIndex: constraint.indexname !== undefined,
    provesNotNull: kind === 'not null' ? (textsOf(constraint.keys)[0] ?? null) : columnNotNull(constraint.raw_expr),
  };
}

/** The column of `column IS NOT NULL`. */
function columnNotNull(expression: Node | undefined): string | null {
  if (expression === undefined || !('NullTest' in expression)) return null;
  const { arg, nulltesttype } = expression.NullTest;
  if (nulltesttype !== 'IS_NOT_NULL' || arg === undefined || !('ColumnRef' in arg)) return null;
  return textOf(arg.ColumnRef.fields?.at(-1));
}

const SERIAL = /^(?:small|big)?serial\d?$/;

/** ADD COLUMN with everything written beside it. */
export function addedColumn(table: string, column: ColumnDef, repeatable: boolean): AddColumn {
  const constraints = constraintsOf(column.constraints);
  const has = (contype: Constraint['contype']): boolean => constraints.some((one) => one.contype === contype);
  const type = typeText(column.typeName);
  const byDefault = constraints.find((one) => one.contype === 'CONSTR_DEFAULT');
  return {
    kind: 'add-column',
    table,
    column: column.colname ?? '',
    type,
    notNull: has('CONSTR_NOTNULL') || has('CONSTR_PRIMARY'),
    default: defaultKind(byDefault?.raw_expr),
    rewrites: whyRewritten(type, constraints),
    constraints: constraints.flatMap((one) => {
      const kind = one.contype === undefined ? undefined : KINDS[one.contype];
      return kind === undefined || kind === 'not null' ? [] : [kind];
    }),
    repeatable,
  };
}

function whyRewritten(type: string, constraints: readonly Constraint[]): string | null {
  if (SERIAL.test(type)) return `the sequence of ${type}`;
  if (constraints.some((one) => one.contype === 'CONSTR_IDENTITY')) return 'the sequence of an identity';
  // generated_kind is "v" for a virtual column, which is computed when it is read.
  const stored = constraints.find((one) => one.contype === 'CONSTR_GENERATED');
  return stored === undefined || stored.generated_kind === 'v' ? null : 'a stored generated column';
}
