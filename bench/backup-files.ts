/**
 * What backups of files cost: the first, a second with 1 % changed, and 20 kept, beside `tar | gzip`, restic and borg and what the machine itself
 * needs to read and to hash. Every act is a process of its own; its time, CPU (children included) and memory are those that the system counts.
 * Run: npm run bench:backup-files   SHIPWAY_BENCH_MIB: size of the data (1024). Needs restic and borg; installs them from Debian when it is root.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newIdentity } from '../src/adapters/vaults/index.ts';
import { changeData, writeData } from './backup-files-data.ts';
import { measureCommand } from './measure-command.ts';
import { printGoals, type Goal } from './router-bench.ts';

const MIB = Number(process.env['SHIPWAY_BENCH_MIB'] ?? 1024);
const KEPT = 20;
const ACT = fileURLToPath(new URL('backup-files-act.mjs', import.meta.url));
const PROGRAMS = { restic: 'restic', borg: 'borgbackup' };
const BYTES_PER_MIB = 1024 * 1024;

interface Cost {
  wallSeconds: number;
  cpuSeconds: number;
  peakMib: number;
}
interface Row extends Cost {
  what: string;
  /** Of everything that the tool has stored so far. */
  storedMib: number | null;
}

const rows: Row[] = [];
const folder = mkdtempSync(join(tmpdir(), 'shipway-bench-'));
const project = join(folder, 'project');
const data = join(project, 'data');
const environment = {
  RESTIC_PASSWORD: 'bench',
  BORG_PASSPHRASE: 'bench',
  BORG_BASE_DIR: join(folder, 'borg-home'),
  XDG_CACHE_HOME: join(folder, 'cache'),
};

/** Those of the programs that are there, after trying to install them. */
function programsThere(): Set<string> {
  const names = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[];
  const missing = (): typeof names => names.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing().length > 0 && process.getuid?.() === 0)
    spawnSync('apt-get', ['install', '-y', ...missing().map((name) => PROGRAMS[name])], { stdio: 'ignore' });
  for (const name of missing())
    console.log(`MISSING: ${name} (apt-get install ${PROGRAMS[name]}); its rows are left out`);
  return new Set(names.filter((name) => !missing().includes(name)));
}

async function measure(argv: string[]): Promise<Cost> {
  const ran = await measureCommand(argv, { cwd: folder, env: environment });
  if (ran.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${String(ran.exitCode)}: ${ran.stderr}`);
  return { wallSeconds: ran.wallS, cpuSeconds: ran.cpuS, peakMib: ran.peakMiB };
}

async function row(what: string, argv: string[], store: string | null): Promise<Row> {
  const found = { what, ...(await measure(argv)), storedMib: store === null ? null : sizeMib(store) };
  rows.push(found);
  console.log(lineOf(found));
  return found;
}

/** As the disk counts it: what has several names counts once. */
function sizeMib(path: string): number {
  const [bytes = '0'] = spawnSync('du', ['-s', '--block-size=1', path], { encoding: 'utf8' }).stdout.split('\t');
  return Number(bytes) / BYTES_PER_MIB;
}

function lineOf({ what, wallSeconds, cpuSeconds, peakMib, storedMib }: Row): string {
  const stored = storedMib === null ? '' : storedMib.toFixed(1);
  return `| ${what} | ${wallSeconds.toFixed(2)} | ${cpuSeconds.toFixed(2)} | ${peakMib.toFixed(0)} | ${stored} |`;
}

const { recipient, identity } = await newIdentity();
let second = 0;
const ours = (act: string): string[] => {
  const at = Date.now() + (second += 1) * 1000; // the id has seconds, and backups of the same second are in no order
  return [process.execPath, ACT, JSON.stringify({ act, project, recipient, identity, at })];
};
const OURS = join(project, '.shipway/backups');
const restic = join(folder, 'restic');
const borg = join(folder, 'borg');

async function firstBackups(there: ReadonlySet<string>): Promise<Row> {
  await row('limit: read everything', ['sh', '-c', `find '${data}' -type f -print0 | xargs -0 cat > /dev/null`], null);
  await row('limit: read and SHA-256', [process.execPath, '-e', HASH, data], null);
  await row(
    'tar | gzip, first',
    ['sh', '-c', `tar -C '${project}' -cf - data | gzip > '${folder}/data.tar.gz'`],
    `${folder}/data.tar.gz`,
  );
  if (there.has('restic')) {
    await measure(['restic', '-q', '-r', restic, 'init']);
    await row('restic, first', ['restic', '-q', '-r', restic, 'backup', data], restic);
  }
  if (there.has('borg')) {
    await measure(['borg', 'init', '-e', 'repokey', borg]);
    await row('borg zstd,3, first', ['borg', 'create', '-C', 'zstd,3', `${borg}::1`, data], borg);
  }
  const first = await row('shipway, first', ours('backup'), OURS);
  await row('shipway, first, read back after it', ours('confirm'), null);
  return first;
}

const HASH = `const { createHash } = require('node:crypto'), { readdirSync, readFileSync, statSync } = require('node:fs');
const hash = createHash('sha256');
for (const name of readdirSync(process.argv[1], { recursive: true })) {
  const path = process.argv[1] + '/' + name;
  if (statSync(path).isFile()) hash.update(readFileSync(path));
}
hash.digest('hex');`;

async function secondBackups(there: ReadonlySet<string>): Promise<Row> {
  changeData(data, MIB, 1);
  if (there.has('restic'))
    await row('restic, second, 1 % changed', ['restic', '-q', '-r', restic, 'backup', data], restic);
  if (there.has('borg'))
    await row('borg zstd,3, second, 1 % changed', ['borg', 'create', '-C', 'zstd,3', `${borg}::2`, data], borg);
  const next = await row('shipway, second, 1 % changed', ours('backup'), OURS);
  await row('shipway, second, read back after it', ours('confirm'), null);
  return next;
}

/** As many more as make 20, each with another percent changed, by every tool; says what all of them take on the disk, ours first. */
async function keepMany(there: ReadonlySet<string>): Promise<Kept[]> {
  for (let round = 2; round < KEPT; round += 1) {
    changeData(data, MIB, round);
    await measure(ours('backup'));
    if (there.has('restic')) await measure(['restic', '-q', '-r', restic, 'backup', data]);
    if (there.has('borg')) await measure(['borg', 'create', '-C', 'zstd,3', `${borg}::${round + 1}`, data]);
  }
  const places = { shipway: OURS, restic, borg };
  return Object.entries(places)
    .filter(([name]) => name === 'shipway' || there.has(name))
    .map(([name, place]) => ({ name, mib: sizeMib(place), firstMib: firstMibOf(name) }));
}

interface Kept {
  name: string;
  mib: number;
  firstMib: number;
}

function firstMibOf(name: string): number {
  return rows.find(({ what }) => what.startsWith(name) && what.includes(', first'))?.storedMib ?? 0;
}

function keptLine({ name, mib, firstMib }: Kept): string {
  return `| ${name} | ${firstMib.toFixed(1)} | ${mib.toFixed(1)} | ${(mib / firstMib).toFixed(2)} x |`;
}

async function readBack(there: ReadonlySet<string>): Promise<void> {
  if (there.has('restic'))
    await row('restic, check --read-data', ['restic', '-q', '-r', restic, 'check', '--read-data'], null);
  if (there.has('borg')) await row('borg, check --verify-data', ['borg', 'check', '--verify-data', borg], null);
  await row('shipway, verify (every byte)', ours('verify'), null);
  const into = join(folder, 'into');
  mkdirSync(into);
  await row('tar -xz', ['tar', '-C', into, '-xzf', `${folder}/data.tar.gz`], null);
  if (there.has('restic'))
    await row('restic, restore', ['restic', '-q', '-r', restic, 'restore', 'latest', '--target', `${into}/r`], null);
  if (there.has('borg')) {
    mkdirSync(`${into}/b`);
    await row('borg, extract', ['sh', '-c', `cd '${into}/b' && borg extract '${borg}::${KEPT}'`], null);
  }
  await row('shipway, restore of the last of 20', ours('restore'), null);
  const difference = spawnSync('diff', ['-rq', data, join(project, 'restored/data/data')], { encoding: 'utf8' });
  if (difference.status !== 0) throw new Error(`the restored files differ: ${difference.stdout}`);
}

function goalsOf(dataMib: number, first: Row, next: Row, keptMib: number): Goal[] {
  const perGib = (first.cpuSeconds * 1024) / dataMib;
  const firstMib = first.storedMib ?? 0;
  const peakMib = Math.max(...rows.filter(({ what }) => what.startsWith('shipway')).map((one) => one.peakMib));
  const ratio = keptMib / firstMib;
  return [
    { what: 'first backup, CPU', measured: `${perGib.toFixed(2)} s/GiB`, goal: '<= 7 s/GiB', isMet: perGib <= 7 },
    {
      what: 'second backup, 1 % changed',
      measured: `${next.wallSeconds.toFixed(2)} s (CPU ${next.cpuSeconds.toFixed(2)} s)`,
      goal: '<= 1 s',
      isMet: next.wallSeconds <= 1,
    },
    { what: 'memory of any act', measured: `${peakMib.toFixed(0)} MiB`, goal: '<= 256 MiB', isMet: peakMib <= 256 },
    {
      what: `${KEPT} kept, beside the first`,
      measured: `${ratio.toFixed(2)} x`,
      goal: '<= 1.3 x',
      isMet: ratio <= 1.3,
    },
  ];
}

try {
  const there = programsThere();
  mkdirSync(project, { recursive: true });
  writeData(data, MIB);
  const dataMib = sizeMib(data);
  console.log(`${dataMib.toFixed(0)} MiB of files\n`);
  console.log('| what | wall s | CPU s | peak MiB | stored MiB |\n|---|---|---|---|---|');
  const first = await firstBackups(there);
  const next = await secondBackups(there);
  const kept = await keepMany(there);
  await readBack(there);
  console.log(`\n| ${KEPT} kept | first MiB | all MiB | |\n|---|---|---|---|`);
  for (const one of kept) console.log(keptLine(one));
  const peer = (name: string): string => {
    const found = rows.find(({ what }) => what.startsWith(name));
    return found === undefined ? '' : `${(first.cpuSeconds / found.cpuSeconds).toFixed(2)} x the CPU of ${found.what}`;
  };
  console.log(
    ['tar', 'restic', 'borg', 'limit: read and']
      .map(peer)
      .filter((text) => text !== '')
      .join('; '),
  );
  printGoals('Backups of files', goalsOf(dataMib, first, next, kept[0]?.mib ?? Number.NaN));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
