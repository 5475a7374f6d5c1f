import { join } from 'node:path';
import { z } from 'zod';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, exists, listDirectory, readText, writeAtomically } from '../../../platform/files.ts';
import { refuseStale } from '../refuse-stale.ts';

const record = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  service: z.string(),
  environment: z.string(),
  component: z.string(),
  version: z.string(),
  release: z.string(),
  port: z.number().nullable(),
  /** Names one start, in SHIPWAY_START of the process: tells the process we remember from one that was started twice. */
  start: z.string(),
  /** Who wrote this last; a worker of an earlier attempt is refused. */
  token: z.string(),
  state: z.enum(['starting', 'running', 'stopped']),
  /** Null until the process was seen: written before the start, so that a crash leaves a trace of what may run. */
  process: z.strictObject({ pid: z.number(), startedAt: z.string() }).nullable(),
  startedAt: z.string().nullable(),
  stoppedAt: z.string().nullable(),
});

/** What we remember of an instance. What runs is told by the process table only. */
export type InstanceRecord = z.infer<typeof record>;

/** The process that a record says may run. A record of a stopped instance is history: its pid may be anybody's by now. */
export function rememberedProcess(record: InstanceRecord | null): InstanceRecord['process'] {
  return record === null || record.state === 'stopped' ? null : record.process;
}

export interface InstanceScope {
  service: string;
  environment: string;
}

/** What the ids of all instances of the service in the environment begin with. Names hold no `_`, so that no two scopes share it. */
export function instancePrefix({ service, environment }: InstanceScope): string {
  return `${service}_${environment}_`;
}

/** The id of the component of a release; the same for every try, so that starting twice finds the first. */
export function instanceId(scope: InstanceScope, component: string, release: string): string {
  return `${instancePrefix(scope)}${component}_${release}`;
}

export function instanceDirectory(id: string, effect: Effect): string {
  return join(effect.stateDirectory, 'instances', id);
}

export function outputFile(id: string, effect: Effect): string {
  return join(instanceDirectory(id, effect), 'output.log');
}

function recordFile(id: string, effect: Effect): string {
  return join(instanceDirectory(id, effect), 'instance.json');
}

/** Null when there is none; a record that cannot be read is `cannot-tell`, because what it describes may be running. */
export async function readInstanceRecord(id: string, effect: Effect): Promise<InstanceRecord | null> {
  const path = recordFile(id, effect);
  const text = await readText(path);
  if (text === null) return null;
  const parsed = record.safeParse(parseJson(text));
  if (parsed.success && parsed.data.id === id) return parsed.data;
  throw problem('cannot-tell', `the record of instance ${id} is damaged, so it cannot be told what runs`, {
    where: path,
    next: `Stop what runs with SHIPWAY_INSTANCE=${id} by hand, then delete this file.`,
  });
}

/** Replaces the record whole. Refused as `stale-worker` when a later attempt of the same step has written meanwhile. */
export async function writeInstanceRecord(next: InstanceRecord, effect: Effect): Promise<InstanceRecord> {
  const before = await readInstanceRecord(next.id, effect);
  if (before !== null) refuseStale(before.token, effect.token);
  const written = { ...next, token: effect.token };
  await ensureDirectory(instanceDirectory(next.id, effect));
  await writeAtomically(recordFile(next.id, effect), `${JSON.stringify(written, null, 2)}\n`);
  return written;
}

/** All records of the service in the environment, those of stopped instances too. */
export async function listInstanceRecords(scope: InstanceScope, effect: Effect): Promise<InstanceRecord[]> {
  const records: InstanceRecord[] = [];
  for (const id of instanceFolders(scope, effect)) {
    const found = await readInstanceRecord(id, effect);
    if (found?.service === scope.service && found.environment === scope.environment) records.push(found);
  }
  return records;
}

function instanceFolders(scope: InstanceScope, effect: Effect): string[] {
  const root = join(effect.stateDirectory, 'instances');
  if (!exists(root)) return []; // looking may not create anything: a dry run leaves the disk as it is
  const prefix = instancePrefix(scope);
  return listDirectory(root).filter((name) => name.startsWith(prefix));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
