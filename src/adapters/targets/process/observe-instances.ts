import type { Instance } from '../../../core/release/version.ts';
import type { Effect } from '../../../platform/effect.ts';
import { findInstance, findMarked, isSameProcess, type FoundInstance, type MarkedProcess } from './find-processes.ts';
import { instanceOf } from './instance-of.ts';
import { instancePrefix, listInstanceRecords, type InstanceRecord, type InstanceScope } from './instance-record.ts';
import { recordFromProcess } from './record-from-process.ts';
import type { ProcessComponent } from './settings.ts';

/**
 * What runs and what ended by itself, newest last, from the process table; our records only say where to look. Changes nothing.
 * An instance that was recorded but never started is not there; one that we stopped is not there any more.
 */
export async function observeInstances(
  scope: InstanceScope,
  components: ProcessComponent[],
  effect: Effect,
): Promise<Instance[]> {
  const records = await listInstanceRecords(scope, effect);
  const prefix = instancePrefix(scope);
  const marked = findMarked(effect.stateDirectory, (id) => id.startsWith(prefix));
  const markedAs = (id: string) => marked.filter((one) => one.id === id);
  const known = records.map((record) => observeRecord(record, findInstance(record, markedAs(record.id))));
  const ids = new Set(records.map((record) => record.id));
  const unrecordedIds = new Set(marked.map((one) => one.id).filter((id) => !ids.has(id)));
  const unknown = [...unrecordedIds].map((id) => observeUnrecorded(id, markedAs(id), scope, components));
  return [...known, ...unknown]
    .filter((instance) => instance !== null)
    .toSorted((a, b) => (a.startedAt ?? '').localeCompare(b.startedAt ?? '') || a.id.localeCompare(b.id));
}

function observeRecord(record: InstanceRecord, found: FoundInstance): Instance | null {
  if (found.leader !== null) {
    const process = found.leader.identity;
    const isUp = record.state === 'running' && isSameProcess(record.process, process);
    return instanceOf({ ...record, process }, isUp ? 'running' : 'starting');
  }
  if (record.state === 'stopped' || record.process === null) return null;
  return instanceOf(record, 'exited');
}

/** A process that says it is ours although its record is lost: it must be seen, or it would run for ever. */
function observeUnrecorded(
  id: string,
  processes: MarkedProcess[],
  scope: InstanceScope,
  components: ProcessComponent[],
): Instance | null {
  const { leader } = findInstance(null, processes);
  if (leader === null) return null;
  const record = recordFromProcess(id, leader, scope, components);
  return record === null ? null : instanceOf(record, 'starting');
}
