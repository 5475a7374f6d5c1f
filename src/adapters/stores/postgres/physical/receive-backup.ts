import pg from 'pg';
import { problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { errorCode } from '../../../../platform/error-code.ts';
import { connectionString, describeAddress, type Address } from '../address.ts';
import { postgresProblem } from '../postgres-problem.ts';

/** What was sent beside the archive. */
export interface ReceivedBackup {
  /** Bytes of `backup_manifest`. */
  manifest: Buffer;
  startLsn: string;
  endLsn: string;
  timeline: number;
}

export interface ServerIdentity {
  systemId: string;
  timeline: number;
  walSegmentBytes: number;
}

const CONNECT_LIMIT_MS = 10_000;
const PIECE_BYTES = 1024 * 1024;
const WAITING_MAX = 4; // pieces: what is received while the disk is busy, and no more
const MANIFEST_LIMIT_BYTES = 512 * 1024 * 1024; // 150 bytes a file: more than three million of them

// Copied in full and at once: a backup waits for no scheduled checkpoint, and brings the log that makes it consistent.
const COMMAND = `BASE_BACKUP (LABEL 'shipway', CHECKPOINT 'fast', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`;

/** Asks the server who it is, over a connection for replication: what it refuses here, it would refuse in the middle of a backup. */
export async function identifyServer(address: Address, effect: Effect): Promise<ServerIdentity> {
  return withReplication(address, effect, async (ask) => {
    const [identity] = (await ask('IDENTIFY_SYSTEM')).rows;
    const [segment] = (await ask('SHOW wal_segment_size')).rows;
    return {
      systemId: identity?.[0] ?? '',
      timeline: Number(identity?.[1]),
      walSegmentBytes: bytesOf(segment?.[0] ?? ''),
    };
  });
}

function bytesOf(written: string): number {
  const [, count = '0', unit = 'B'] = /^(\d+)\s*(B|kB|MB|GB)$/.exec(written) ?? [];
  return Number(count) * 1024 ** ['B', 'kB', 'MB', 'GB'].indexOf(unit);
}

/** Has the server send a copy of itself; the archive goes to `take` piece by piece. While it takes its time, the server waits. */
export async function receiveBackup(
  address: Address,
  take: (piece: Buffer) => Promise<void>,
  effect: Effect,
): Promise<ReceivedBackup> {
  return withReplication(address, effect, async (ask) => {
    const manifest: Buffer[] = [];
    const { rows } = await ask(COMMAND, { take, manifest });
    const [start, end] = [rows[0], rows.at(-1)];
    return {
      manifest: Buffer.concat(manifest),
      startLsn: start?.[0] ?? '',
      endLsn: end?.[0] ?? '',
      timeline: Number(start?.[1]),
    };
  });
}

interface CopyTargets {
  take: (piece: Buffer) => Promise<void>;
  manifest: Buffer[];
}

type Ask = (command: string, copy?: CopyTargets) => Promise<{ rows: (string | null)[][] }>;

async function withReplication<Result>(
  address: Address,
  effect: Effect,
  use: (ask: Ask) => Promise<Result>,
): Promise<Result> {
  effect.signal.throwIfAborted();
  const client = new pg.Client({
    connectionString: `${connectionString(address, address.database)}&replication=true`,
    application_name: 'shipway',
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
  });
  client.on('error', () => undefined); // the command that runs gets the error too
  const onAbort = (): void => void client.end().catch(() => undefined);
  try {
    await client.connect();
    effect.signal.addEventListener('abort', onAbort, { once: true });
    return await use((command, copy) => askServer(client, command, copy));
  } catch (error) {
    effect.signal.throwIfAborted();
    throw replicationProblem(address, error);
  } finally {
    effect.signal.removeEventListener('abort', onAbort);
    await client.end().catch(() => undefined);
  }
}

/** One command of the replication protocol. The driver knows none of them, but hands every message to whoever asked. */
function askServer(client: pg.Client, command: string, copy?: CopyTargets): Promise<{ rows: (string | null)[][] }> {
  return new Promise((resolve, reject) => {
    const rows: (string | null)[][] = [];
    let failure: unknown = null;
    let pump: Pump | null = null;
    const fail = (error: unknown): void => {
      failure ??= error;
      // Nothing ends a copy but its end or the connection's.
      void client.end().catch(() => undefined);
      // Nobody writes any more when it is told.
      void (pump?.settled() ?? Promise.resolve()).then(() =>
        reject(failure instanceof Error ? failure : new Error(String(failure))),
      );
    };
    const listener = {
      submit(connection: pg.Connection) {
        if (copy !== undefined) pump = createPump(copy, connection, fail);
        connection.query(command);
      },
      handleRowDescription: () => undefined,
      handleDataRow: ({ fields }: { fields: (string | null)[] }) => void rows.push(fields),
      handleCommandComplete: () => undefined,
      handleEmptyQuery: () => undefined,
      handleCopyData: ({ chunk }: { chunk: Buffer }) => {
        if (failure === null) pump?.message(chunk);
      },
      handleError: fail,
      handleReadyForQuery: () => {
        if (failure !== null) return;
        if (pump === null) resolve({ rows });
        else pump.flush().then(() => resolve({ rows }), fail);
      },
    };
    client.query(listener);
  });
}

interface Flow {
  /** Back when everything was taken. */
  flush(): Promise<void>;
  /** Back when nothing is being taken any more, well or not. */
  settled(): Promise<void>;
}

interface Pump extends Flow {
  message(chunk: Buffer): void;
}

/** Sorts what comes in a copy: the archive into pieces, the manifest aside. */
function createPump({ take, manifest }: CopyTargets, connection: pg.Connection, fail: (error: unknown) => void): Pump {
  const pieces = createPieces(take, connection, fail);
  let manifestBytes = 0;
  let archives = 0;
  let into: 'archive' | 'manifest' | null = null;
  return {
    message(chunk) {
      const data = chunk.subarray(1);
      const kind = String.fromCharCode(chunk[0] ?? 0);
      if (kind === 'n') {
        into = 'archive';
        archives += 1;
        if (archives > 1) fail(new Error('the server sends a second archive, of a tablespace'));
      } else if (kind === 'm') into = 'manifest';
      else if (kind !== 'd')
        return; // how far it is
      else if (into === 'archive') pieces.add(data);
      else {
        manifestBytes += data.length;
        if (manifestBytes > MANIFEST_LIMIT_BYTES) return fail(new Error('the list of files is too long'));
        manifest.push(Buffer.from(data));
      }
    },
    flush: () => pieces.flush(),
    settled: () => pieces.settled(),
  };
}

/** Hands large pieces on, one after the other; while too many wait, nothing more is read from the server. */
function createPieces(
  take: CopyTargets['take'],
  connection: pg.Connection,
  fail: (error: unknown) => void,
): Flow & { add(data: Buffer): void } {
  // Each is used again when it was taken: new memory for each would be held until somebody collects it.
  const free: Buffer[] = [];
  let piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let filled = 0;
  let waiting = 0;
  let taking = Promise.resolve();
  const hand = (whole: Buffer, memory: Buffer): void => {
    waiting += 1;
    if (waiting >= WAITING_MAX) connection.stream.pause();
    taking = taking
      .then(() => take(whole))
      .then(() => {
        waiting -= 1;
        free.push(memory);
        if (waiting < WAITING_MAX) connection.stream.resume();
      });
    taking.catch(fail);
  };
  return {
    add(data) {
      for (let at = 0; at < data.length;) {
        // The driver uses its buffer again, so what is kept has to be copied.
        const used = data.copy(piece, filled, at);
        filled += used;
        at += used;
        if (filled < PIECE_BYTES) continue;
        hand(piece, piece);
        piece = free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
        filled = 0;
      }
    },
    async flush() {
      if (filled > 0) hand(piece.subarray(0, filled), piece);
      filled = 0;
      await taking;
    },
    settled: () => taking.catch(() => undefined),
  };
}

/** What the server says when it does not let a backup be taken. */
function replicationProblem(address: Address, error: unknown): Error {
  const where = describeAddress(address);
  const text = error instanceof Error ? error.message : String(error);
  const code = errorCode(error);
  const refused = (what: string, next: string): Error => problem('backup-failed', what, { where, next, cause: error });
  if (code === '42501' || /must be superuser or replication role|permission denied to start WAL sender/.test(text))
    return refused(
      'this user may not copy the server: it lacks the right REPLICATION',
      `ALTER ROLE ${address.user ?? '<user>'} REPLICATION; or use another user in the url of the store.`,
    );
  if (code === '28000' && /replication/.test(text))
    return refused(
      'the server lets nobody in for replication from here: pg_hba.conf has no such entry',
      `Add to pg_hba.conf: host replication ${address.user ?? '<user>'} <address of this machine>/32 scram-sha-256 (local replication … for its socket), then reload the server.`,
    );
  if (code === '53300' && /max_wal_senders/.test(text))
    return refused(
      `the server has no place for a backup: ${text}`,
      'Raise max_wal_senders (10 is the default; 0 switches backups off) and restart the server, or wait until another backup has ended.',
    );
  return postgresProblem('backup-failed', 'the server could not be copied', where, error);
}
