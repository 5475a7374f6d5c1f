import { problem } from '../release/problem.ts';
import type { DataWay, DataWayName } from './data-way.ts';
import { downWord } from './down-evidence.ts';
import type { SchemaChange, SchemaDistance } from './schema-history.ts';

export interface WaysBack {
  /** From the version that would run again to the data that is there. */
  distance: SchemaDistance;
  hasMigrator: boolean;
  /** Why nothing keeps writers away while the data is changed, or null. */
  unguarded: string | null;
  /** The backup that would be restored, or null when there is none. */
  backup: { id: string; consistentAt: string } | null;
  /** Changes of the schema in that backup that the older version never ran on and that are not compatible with it. */
  tooNew: SchemaChange[];
  /** Whether the present data is backed up first. */
  isKept: boolean;
  /** How the backup is asked for, for messages. */
  reference: string;
  hasStores: boolean;
}

const CUT_SHORT =
  'a restore was cut short, and nobody knows at which schema the data is; restore it again, or look at the data first';

/** Every way to treat the data, least lossy first. */
export function dataWays(ways: WaysBack): DataWay[] {
  return [leaveWay(ways), downWay(ways), restoreWay(ways)];
}

/** The first that can be gone, or the one that a person named. Throws `refused` with the reason and the others. */
export function chooseWay(ways: readonly DataWay[], named: DataWayName | null): DataWay {
  const chosen = ways.find((one) => (named === null ? one.refused === null : one.way === named));
  // A person may leave the data as it is against our advice: nothing is lost by it.
  if (chosen !== undefined && (chosen.refused === null || named === 'leave')) return chosen;
  const open = ways.filter((one) => one.refused === null).map((one) => `--data ${one.way}: ${one.loses}`);
  const closed = ways.map((one) => `--data ${one.way}: ${one.refused}`);
  const what =
    chosen === undefined
      ? `no way to treat the data can be gone. ${closed.join('; ')}`
      : `--data ${chosen.way} cannot be gone: ${chosen.refused}`;
  throw problem('refused', what, {
    next: open.length > 0 ? `Choose another way. ${open.join('; ')}` : 'Release a fixed version instead.',
  });
}

function leaveWay({ distance }: WaysBack): DataWay {
  const way = { way: 'leave', loses: 'nothing is lost; the data stays as it is', since: null } as const;
  const breaking = distance.changes.filter((one) => !one.compatible);
  if (distance.standing === 'same') return { ...way, refused: null };
  if (distance.standing === 'newer' && breaking.length === 0) return { ...way, refused: null };
  if (distance.standing === 'unknown') return { ...way, refused: CUT_SHORT };
  const refused =
    distance.standing === 'other'
      ? 'the data is at a schema that the older version never ran on'
      : `the schema of ${namesOf(breaking)} is not compatible with the older version`;
  return { ...way, refused };
}

function downWay({ distance, hasMigrator, unguarded, isKept }: WaysBack): DataWay {
  const { changes, standing } = distance;
  const way = { way: 'down', ...lossOfDown(changes) } as const;
  const stuck = changes.find((one) => one.down.state === 'none' || !one.reversible);
  if (!hasMigrator) return { ...way, refused: 'the release file has no migrate' };
  if (standing === 'unknown') return { ...way, refused: CUT_SHORT };
  if (standing === 'same' || changes.length === 0) {
    return { ...way, refused: 'there is no migration to take back' };
  }
  if (standing === 'other') return { ...way, refused: 'the data is at a schema that no release left there' };
  if (stuck !== undefined) {
    const why = stuck.down.state === 'none' ? stuck.down.why : 'the migration has no way down';
    return { ...way, refused: `${stuck.version}: ${why}` };
  }
  // A restore keeps what it replaces aside; what a way down throws away is in that backup alone.
  return {
    ...way,
    refused: isKept ? unguarded : 'what it throws away would be nowhere: it needs the backup before it',
  };
}

/** What only the newer schema can hold has no place in the older one, also where no rehearsal saw anything in it. */
function lossOfDown(changes: readonly SchemaChange[]): Pick<DataWay, 'loses' | 'since'> {
  const [first] = changes;
  if (first === undefined) return { loses: 'nothing is lost', since: null };
  const words = changes.map((one) => `${one.version} ${downWord(one.down)}`).join(', ');
  const seen = changes.flatMap((one) => (one.down.state === 'lossy' ? one.down.what : []));
  const counted = seen.length === 0 ? '' : `; when it was rehearsed: ${seen.join(', ')}`;
  return {
    loses: `what only the newer schema has a place for is lost (down: ${words}${counted}); everything else stays`,
    since: first.at,
  };
}

function restoreWay({ backup, tooNew, reference, hasStores, unguarded }: WaysBack): DataWay {
  const since = backup?.consistentAt ?? null;
  const loses =
    backup === null ? 'everything written since the backup' : `everything written since ${since} is no longer served`;
  const way = { way: 'restore', loses, since } as const;
  if (!hasStores) return { ...way, refused: 'the release file declares no stores here' };
  if (backup === null) return { ...way, refused: `there is no backup ${reference}` };
  if (tooNew.length > 0) {
    const refused = `${backup.id} has the schema of ${namesOf(tooNew)}, on which the older version never ran`;
    return { ...way, refused };
  }
  return { ...way, refused: unguarded };
}

function namesOf(changes: readonly SchemaChange[]): string {
  return [...new Set(changes.map((one) => one.version))].join(', ');
}
