import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { storeKinds } from '../../src/adapters/stores/index.ts';
import { createEffect } from './create-effect.ts';
import { waitUntil } from './wait-until.ts';

const HAMMER = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures/processes/hammer.mjs');

export interface CopyTrial {
  journalMode: 'wal' | 'delete';
  copies: number;
  /** `cp` copies the file alone, `cp-all` the file and what lies beside it, `store` is ours. */
  method: 'store' | 'cp' | 'cp-all';
  stopAtFirstBad?: boolean;
}

/** Copies a database while another process writes it, and counts the copies that are damaged, out of balance or lack a committed round. */
export async function countBadCopies(trial: CopyTrial): Promise<{ bad: number; copies: number; reasons: string[] }> {
  const project = mkdtempSync(join(tmpdir(), 'shipway-hammer-'));
  const live = join(project, 'app.db');
  const writer = spawn(process.execPath, [HAMMER, live, trial.journalMode, 'hammer'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let committed = 0;
  writer.stdout.on('data', (chunk: Buffer) => {
    committed = Number(chunk.toString().trimEnd().split('\n').at(-1)) || committed;
  });
  const reasons: string[] = [];
  let copies = 0;
  try {
    await waitUntil('the writer to have begun', () => committed > 5);
    while (copies < trial.copies && !(trial.stopAtFirstBad && reasons.length > 0)) {
      const before = committed;
      const folder = join(project, `copy-${copies}`);
      mkdirSync(folder);
      const reason = judgeCopy(await makeCopy(trial, project, live, folder), before);
      if (reason !== null) reasons.push(reason);
      copies += 1;
      rmSync(folder, { recursive: true });
      await waitUntil('the writer to have gone on', () => committed > before);
    }
  } finally {
    await end(writer);
    rmSync(project, { recursive: true });
  }
  return { bad: reasons.length, copies, reasons };
}

async function makeCopy(trial: CopyTrial, project: string, live: string, folder: string): Promise<string> {
  const copy = join(folder, 'database.db');
  if (trial.method === 'store') {
    await storeKinds.sqlite.open({ path: live }, { projectDirectory: project }).capture(folder, createEffect(project));
    return copy;
  }
  for (const ending of trial.method === 'cp' ? [''] : ['', '-wal', '-shm', '-journal']) {
    try {
      copyFileSync(live + ending, copy + ending);
    } catch (error) {
      if (ending === '') throw error;
    }
  }
  return copy;
}

/** Null for a good copy: it opens, passes the check, adds up, and has every round committed before the copy began. */
function judgeCopy(copy: string, committedBefore: number): string | null {
  try {
    const database = new Database(copy);
    try {
      const first = (sql: string): unknown => (database.prepare(sql).raw().get() as unknown[])[0];
      if (first('PRAGMA integrity_check') !== 'ok') return 'damaged';
      if (first('SELECT sum(balance) FROM accounts') !== 0) return 'out of balance';
      if (Number(first('SELECT coalesce(max(id), 0) FROM rounds')) < committedBefore) return 'lacks committed rounds';
      return null;
    } finally {
      database.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Commits one more row (99) to table t in WAL mode and dies, so that -wal and -shm stay behind. */
export async function killWriterAfterCommit(path: string): Promise<void> {
  await closed(spawn(process.execPath, [HAMMER, path, 'wal', 'commit-and-die'], { stdio: 'ignore' }));
}

/** Dies within a transaction that has already reached the file: a hot journal stays behind. */
export async function killWriterMidTransaction(path: string): Promise<void> {
  await closed(spawn(process.execPath, [HAMMER, path, 'delete', 'die-in-transaction'], { stdio: 'ignore' }));
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await closed(child);
}

async function closed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}
