import {
  findByEnvironment,
  groupOf,
  identify,
  isAlive,
  membersOfGroup,
  type ProcessIdentity,
} from '../../../platform/process-table.ts';
import { homeMark } from '../../../platform/home-mark.ts';
import { rememberedProcess, type InstanceRecord } from './instance-record.ts';

/** A process that was started as an instance, or a descendant of one: both carry the marker in their environment. */
export interface MarkedProcess {
  identity: ProcessIdentity;
  /** Instance id. */
  id: string;
  /** Which start of the instance it belongs to; null when the process does not say. */
  start: string | null;
}

export interface FoundInstance {
  /** The process that was started and is alive, or null. */
  leader: MarkedProcess | null;
  /** Processes of another start of the same instance: it was started twice. */
  doubles: ProcessIdentity[];
  /** Everything else that belongs to it: descendants, also those in groups of their own. */
  others: ProcessIdentity[];
}

/** All running processes of this project whose instance id is accepted. Sees only processes of our own user, unless we are root. */
export function findMarked(stateDirectory: string, accept: (id: string) => boolean): MarkedProcess[] {
  const home = homeMark(stateDirectory);
  const found = findByEnvironment('SHIPWAY_INSTANCE', accept, home);
  if (found.length === 0) return [];
  const starts = new Map<string, string>();
  for (const { identity, value } of findByEnvironment('SHIPWAY_START', () => true, home))
    starts.set(keyOf(identity), value);
  return found.map(({ identity, value }) => ({ identity, id: value, start: starts.get(keyOf(identity)) ?? null }));
}

/** Tells which of the marked processes is the instance: the one in the record, else the oldest that leads a group of its own. */
export function findInstance(record: InstanceRecord | null, marked: MarkedProcess[]): FoundInstance {
  const leader = recordedLeader(record, marked) ?? unrecordedLeader(record, marked);
  const rest = marked.filter((one) => leader === null || keyOf(one.identity) !== keyOf(leader.identity));
  const isDouble = (one: MarkedProcess) => leader !== null && one.start !== leader.start;
  return {
    leader,
    doubles: rest.filter(isDouble).map((one) => one.identity),
    others: rest.filter((one) => !isDouble(one)).map((one) => one.identity),
  };
}

/** Every living process of the instance, asked anew: its group, and whoever carries the marker outside of it. */
export function processesOf(stateDirectory: string, id: string, leader: ProcessIdentity | null): ProcessIdentity[] {
  const group = leader === null ? [] : groupLedBy(leader);
  const known = new Set(group.map(keyOf));
  const strays = findMarked(stateDirectory, (value) => value === id).map((one) => one.identity);
  return [...group, ...strays.filter((one) => !known.has(keyOf(one)))];
}

/** Whether both are the same process; the same pid at another start time is somebody else. */
export function isSameProcess(a: ProcessIdentity | null, b: ProcessIdentity): boolean {
  return a !== null && a.pid === b.pid && a.startedAt === b.startedAt;
}

function recordedLeader(record: InstanceRecord | null, marked: MarkedProcess[]): MarkedProcess | null {
  const remembered = rememberedProcess(record);
  if (record === null || remembered === null || !isAlive(remembered)) return null;
  const key = keyOf(remembered);
  // Programs that rewrite their title overwrite the marker; pid and start time alone are proof enough.
  const seen = marked.find((one) => keyOf(one.identity) === key);
  return { identity: remembered, id: record.id, start: seen?.start ?? record.start };
}

function unrecordedLeader(record: InstanceRecord | null, marked: MarkedProcess[]): MarkedProcess | null {
  const leaders = marked
    .filter((one) => groupOf(one.identity.pid) === one.identity.pid)
    // The leader of the recorded start is known to be dead, so whoever else of that start leads a group is its child.
    .filter((one) => rememberedProcess(record) === null || one.start !== record?.start)
    .toSorted((a, b) => a.identity.startedAt.localeCompare(b.identity.startedAt, 'en', { numeric: true }));
  return leaders.find((one) => one.start === record?.start) ?? leaders[0] ?? null;
}

function groupLedBy(leader: ProcessIdentity): ProcessIdentity[] {
  const now = identify(leader.pid);
  if (now === null) return membersOfGroup(leader.pid); // the number stays reserved as long as members of the group live
  if (now.startedAt !== leader.startedAt) return []; // the pid belongs to somebody else now
  return groupOf(leader.pid) === leader.pid ? membersOfGroup(leader.pid) : [leader];
}

function keyOf(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.startedAt}`;
}
