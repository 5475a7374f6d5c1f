import { cpus, release } from 'node:os';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMatrix, PATHS, type Matrix, type MatrixRow, type Path } from '../crash/kill-matrix.ts';
import { VICTIMS, type Victim } from '../crash/victims.ts';

// Every gap x every victim x every way, shipway also twice in a row; printed to docs/reference/crash-matrix.md.
const ROUNDS = Number(process.env['SHIPWAY_SOAK_ROUNDS'] ?? 3);
// Which way to go: all, or some of them to repeat them alone.
const WAYS = (process.env['SHIPWAY_SOAK_WAYS'] ?? PATHS.join()).split(',');
// Which gaps: all, or a few to repeat them alone.
const GAPS = process.env['SHIPWAY_SOAK_GAPS']?.split(',') ?? null;
// Who is killed: all, or some of them.
const STRUCK = (process.env['SHIPWAY_SOAK_VICTIMS'] ?? VICTIMS.join()).split(',') as Victim[];
// Cases wait more than they compute, so one more than there are cores.
const WORKERS = Number(process.env['SHIPWAY_SOAK_WORKERS'] ?? cpus().length + 1);
const LIMIT_MS = ROUNDS * 3 * 3600 * 1000;
const REPORT = new URL('../../docs/reference/crash-matrix.md', import.meta.url);

// Up to where they go another way, they are a release.
const LIKE_A_RELEASE: readonly Path[] = ['rollback', 'prestaged'];

interface Job {
  path: Path;
  gap: string;
  victim: Victim;
  times: 1 | 2;
}

test(
  'whatever is killed wherever: stable, rolled back, or a stated cause; every effect once; no lock left',
  async () => {
    const rows: MatrixRow[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) rows.push(...(await runRound()));
    writeFileSync(REPORT, report(rows));
    expect(rows.filter((row) => row.faults.length > 0)).toEqual([]);
  },
  LIMIT_MS,
);

async function runRound(): Promise<MatrixRow[]> {
  const matrices = await Promise.all(Array.from({ length: WORKERS }, createMatrix));
  try {
    const first = matrices[0];
    if (first === undefined) return [];
    const gaps = new Map<Path, string[]>();
    for (const path of PATHS) gaps.set(path, await first.gapsOf(path));
    const jobs = jobsOf(gaps);
    const rows: MatrixRow[] = [];
    await Promise.all(matrices.map((matrix) => work(matrix, jobs, rows)));
    return rows;
  } finally {
    for (const matrix of matrices) await matrix.remove();
  }
}

/** Gaps that a way shares with a release are killed in once, but for those of a rollback that is asked for: its steps have other work to do. */
function jobsOf(gaps: ReadonlyMap<Path, string[]>): Job[] {
  const forward = gaps.get('release') ?? [];
  const places = [...gaps].flatMap(([path, own]) =>
    own.filter((gap) => !LIKE_A_RELEASE.includes(path) || !forward.includes(gap)).map((gap) => ({ path, gap })),
  );
  const wanted = places.filter(({ path, gap }) => WAYS.includes(path) && (GAPS === null || GAPS.includes(gap)));
  const once = wanted.flatMap((place) => STRUCK.map((victim): Job => ({ ...place, victim, times: 1 })));
  const again = STRUCK.includes('shipway') ? wanted : [];
  const twice = again.map((place): Job => ({ ...place, victim: 'shipway', times: 2 }));
  return [...once, ...twice];
}

async function work(matrix: Matrix, jobs: Job[], rows: MatrixRow[]): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { path, gap, victim, times } = job;
    const row = await matrix
      .run(path, gap, victim, times)
      .catch(
        (error: unknown): MatrixRow => ({ ...job, state: 'no end', cause: null, faults: [String(error)] }) as MatrixRow,
      );
    process.stdout.write(`${path} ${gap} ${victim} x${times}: ${row.state} ${row.faults.join('; ')}\n`);
    rows.push(row);
  }
}

function report(rows: MatrixRow[]): string {
  const places = [...new Set(rows.map((row) => `${row.path}\t${row.gap}`))];
  const columns = [...VICTIMS.map((victim) => ({ victim, times: 1 })), { victim: 'shipway' as const, times: 2 }];
  const cell = (place: string, column: { victim: Victim; times: number }): string => {
    const own = rows.filter(
      (row) => `${row.path}\t${row.gap}` === place && row.victim === column.victim && row.times === column.times,
    );
    const states = [...new Set(own.map((row) => (row.faults.length > 0 ? `FAULT ${row.faults[0]}` : row.state)))];
    return states.join(', ');
  };
  const faults = rows.filter((row) => row.faults.length > 0).length;
  return [
    '# Crash matrix',
    '',
    'Written by `npm run soak -- kill-matrix`. Each cell: the release was run, the victim killed with SIGKILL at the named gap, everything',
    'started again; the word is how the release ended. A fault is an effect that happened twice, a lock that was left, a journal that does',
    'not verify, or an end without a stated cause.',
    '',
    `${rows.length} kills in ${ROUNDS} round(s), ${faults} faults. Linux ${release()}, ${cpus().length} cores.`,
    '',
    `| way | gap | ${columns.map((column) => (column.times === 2 ? `${column.victim} twice` : column.victim)).join(' | ')} |`,
    `| --- | --- | ${columns.map(() => '---').join(' | ')} |`,
    ...places.map(
      (place) => `| ${place.replace('\t', ' | ')} | ${columns.map((column) => cell(place, column)).join(' | ')} |`,
    ),
    '',
  ].join('\n');
}
