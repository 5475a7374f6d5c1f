import { removeTree } from '../../../platform/files.ts';
import type { Effect } from '../../../platform/effect.ts';
import { instanceDirectory, listInstanceRecords, type InstanceScope } from './instance-record.ts';

const KEPT = 50; // enough to read what the last releases wrote; more would make every look slower

/** Deletes the records and outputs of all but the newest 50 stopped instances. Never fails: tidying may not stop a release. */
export async function sweepStoppedInstances(scope: InstanceScope, effect: Effect): Promise<void> {
  try {
    const stopped = (await listInstanceRecords(scope, effect))
      .filter((record) => record.state === 'stopped')
      .toSorted((a, b) => (b.stoppedAt ?? '').localeCompare(a.stoppedAt ?? ''));
    for (const { id } of stopped.slice(KEPT)) await removeTree(instanceDirectory(id, effect));
  } catch (error) {
    effect.report(`old instances were not tidied away: ${error instanceof Error ? error.message : String(error)}`);
  }
}
