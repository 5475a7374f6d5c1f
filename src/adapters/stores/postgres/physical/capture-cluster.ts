import { join } from 'node:path';
import { timestamp } from '../../../../platform/clock.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { removeTree, syncDirectory, writeAtomically } from '../../../../platform/files.ts';
import { factsOf, openNew, type OpenFile } from '../../../../platform/file-tree.ts';
import { gap } from '../../../../platform/gap.ts';
import { requireRoom } from '../../require-room.ts';
import type { Capture } from '../../store.ts';
import { describeAddress } from '../address.ts';
import { settleAll } from '../settle-all.ts';
import type { FoundFile } from './backup-manifest.ts';
import {
  CLUSTER_FORMAT,
  countersOf,
  fingerprintOf,
  readCluster,
  requestsAt,
  type ClusterContent,
} from './cluster-content.ts';
import { withCopyServer } from './copy-server.ts';
import { ARCHIVE, MANIFEST, writeDescription } from './description.ts';
import { findServerProgram } from './find-programs.ts';
import { describeDatabases, probeLive, type LiveFacts, type LocatedServer } from './live-server.ts';
import { receiveBackup, type ReceivedBackup } from './receive-backup.ts';
import { withScratchCopy, type CopyScratch } from './scratch-copy.ts';
import { serverUser } from './server-user.ts';
import { createTarReader } from './tar-reader.ts';
import { readInto } from './write-tree.ts';
import type { UserIds } from '../../../../platform/ownership.ts';

const READ_FAILURE = { kind: 'backup-invalid', what: 'the copy cannot be read' } as const;
const SEGMENTS_BESIDE = 4; // of the write-ahead log: what is written while the copy is taken

interface Machine {
  user: UserIds | null;
  program: string;
}

/**
 * Has the server send its files while it is in use, and starts the copy once with a server of our own: the fingerprint is what that one reads,
 * so it is of the very moment for which the copy is consistent, whatever was written meanwhile. It is started below `scratch`, whose disk has to
 * have the room. A failure leaves nothing.
 */
export async function captureCluster(
  server: LocatedServer,
  { folder, scratch }: { folder: string; scratch: string },
  effect: Effect,
): Promise<Capture> {
  const live = await probeLive(server, effect);
  const machine = {
    user: await serverUser(server.directory, null, effect),
    program: await findServerProgram(server.settings.programs, live.major, effect),
  };
  effect.report(`${describeAddress(server.address)}: ${describeDatabases(live)}`);
  const bytes = live.bytes + SEGMENTS_BESIDE * live.identity.walSegmentBytes;
  const order = { scratch, user: machine.user, directory: server.directory, bytes };
  try {
    return await withScratchCopy(order, effect, async (place, inner) => {
      const isOneDisk = (await diskOf(folder)) === (await diskOf(place.directory));
      const proofBytes = isOneDisk ? place.roomBytes : 0;
      requireRoom(folder, bytes + proofBytes, isOneDisk ? 'the server and its proof' : 'the server');
      return captureInto(folder, { server, live, machine, scratch: place }, inner);
    });
  } catch (error) {
    for (const name of [ARCHIVE, MANIFEST]) await removeTree(join(folder, name));
    throw error;
  }
}

/** The device of a folder. */
async function diskOf(folder: string): Promise<string> {
  return (await factsOf(folder))?.identity.split(':')[0] ?? '';
}

interface CaptureOrder {
  server: LocatedServer;
  live: LiveFacts;
  machine: Machine;
  scratch: CopyScratch;
}

async function captureInto(folder: string, order: CaptureOrder, effect: Effect): Promise<Capture> {
  const { server, live } = order;
  // What is written while the copy is taken is in it; since this moment something may not be.
  const startedMs = effect.clock.nowMs();
  const { received, found } = await receive(folder, order, effect);
  await gap('stores.postgres.received');
  const content = await readCopy(order, effect);
  await gap('stores.postgres.read');
  const owner = server.directory === null ? null : await factsOf(server.directory);
  await writeDescription(folder, {
    format: CLUSTER_FORMAT,
    serverVersion: live.version,
    systemId: live.identity.systemId,
    startLsn: received.startLsn,
    endLsn: received.endLsn,
    walSegmentBytes: live.identity.walSegmentBytes,
    superuser: live.superuser,
    preparedMax: live.preparedMax,
    owner: owner === null ? null : { uid: owner.uid, gid: owner.gid, mode: owner.mode },
    wal: Object.fromEntries(
      [...found].flatMap(([path, { bytes, sha256 }]) => (isLog(path) ? [[path, { bytes, sha256 }]] : [])),
    ),
    content,
  });
  await syncDirectory(folder);
  return {
    engine: `postgres ${live.version} (base backup)`,
    consistentAt: timestamp(startedMs),
    liveBytes: live.bytes,
    counters: countersOf(content),
    fingerprint: fingerprintOf(content),
  };
}

const isLog = (path: string): boolean => path.startsWith('pg_wal/');

/** Into the archive and, in the same pass, into the folder in which the copy is started. */
async function receive(
  folder: string,
  { server, machine, scratch }: CaptureOrder,
  effect: Effect,
): Promise<{ received: ReceivedBackup; found: Map<string, FoundFile> }> {
  const place = { root: scratch.directory, owner: machine.user, isSynced: false };
  const reader = readInto(place, isLog);
  const tar = createTarReader(reader);
  await removeTree(join(folder, ARCHIVE));
  const archive: OpenFile = await openNew(join(folder, ARCHIVE));
  let bytes = 0;
  try {
    const received = await receiveBackup(
      server.address,
      async (piece) => {
        effect.signal.throwIfAborted();
        const at = bytes;
        bytes += piece.length;
        await settleAll(archive.write(piece, at), tar.write(piece));
      },
      effect,
    );
    tar.end();
    // Not synced: the vault reads it once more and syncs what it seals; until then a crash begins anew.
    await writeAtomically(join(folder, MANIFEST), received.manifest);
    return { received, found: reader.found };
  } finally {
    await reader.abandon();
    await archive.close();
  }
}

async function readCopy({ server, live, machine, scratch }: CaptureOrder, effect: Effect): Promise<ClusterContent> {
  const copy = {
    ...scratch,
    ...machine,
    major: live.major,
    superuser: live.superuser,
    preparedMax: live.preparedMax,
    timeoutSeconds: server.settings.timeoutSeconds,
    fate: 'scratch' as const,
  };
  return withCopyServer(copy, effect, (address) =>
    readCluster(requestsAt(address, effect, READ_FAILURE), 'template1', { of: 'copy', format: CLUSTER_FORMAT }),
  );
}
