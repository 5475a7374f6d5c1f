import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import { stopAll } from '../../../platform/process-table.ts';
import type { ProcessIdentity } from '../../../platform/process-table.ts';
import type { StopReport } from '../target.ts';
import { findInstance, findMarked, processesOf } from './find-processes.ts';
import { readInstanceRecord, rememberedProcess, writeInstanceRecord } from './instance-record.ts';

/**
 * Ends every process of the instance: SIGTERM, SIGKILL after the grace, and back only when all are dead. Harmless twice.
 * The record is kept as `stopped`.
 */
export async function stopInstance(id: string, graceSeconds: number, effect: Effect): Promise<StopReport> {
  const record = await readInstanceRecord(id, effect);
  const remembered = rememberedProcess(record);
  const startedMs = effect.clock.nowMs();
  await gap('process.stopping');
  const how = await stopAll(() => processesOf(effect.stateDirectory, id, remembered), graceSeconds, effect.clock);
  await gap('process.stopped');
  if (record !== null && record.state !== 'stopped') {
    const stoppedAt = timestamp(effect.clock.nowMs());
    await writeInstanceRecord({ ...record, state: 'stopped', stoppedAt }, effect);
  }
  return { instance: id, how, seconds: Math.max(0, (effect.clock.nowMs() - startedMs) / 1000) };
}

/** Ends what a crash left of the instance beside the process that is kept: second starts, and children whose parent is gone. */
export async function stopLeftovers(id: string, graceSeconds: number, effect: Effect): Promise<void> {
  const record = await readInstanceRecord(id, effect);
  const leftovers = (): ProcessIdentity[] => {
    const found = findInstance(
      record,
      findMarked(effect.stateDirectory, (value) => value === id),
    );
    if (found.leader !== null) return found.doubles;
    return processesOf(effect.stateDirectory, id, rememberedProcess(record));
  };
  await stopAll(leftovers, graceSeconds, effect.clock);
}
