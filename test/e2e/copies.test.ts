import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withBackupLock } from '../../src/state/backup-record.ts';
import { startFakeS3, type FakeS3 } from '../support/fake-s3.ts';
import { acceptLoss } from '../support/accept-loss.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { missingSshd, startSftpServer, type SftpServer } from '../support/sftp-server.ts';

const SECOND_PROGRAM = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/backups/restore-backup.mjs');
const SECRET = 'Sent1nel/of+the=bucket-7f6e5d4c3b2a';
const COMMAND_SECONDS = 240; // far more than any needs: a busy machine must not fail a test
const LIMIT_MS = 900_000; // a dozen commands one after the other, on a machine that does other things too
const missing = missingSshd() ?? '';

let project: ServiceProject;
let safe: string;
let s3: FakeS3;
let sftp: SftpServer | null = null;
let identity: string;
let recipient: string;
const printed: string[] = [];
const commandLines = new Set<string>();
let sampler: NodeJS.Timeout;

beforeAll(async () => {
  safe = mkdtempSync(join(tmpdir(), 'shipway-safe-'));
  mkdirSync(join(safe, 'disk'));
  s3 = await startFakeS3(['acme'], SECRET);
  if (missing === '') sftp = await startSftpServer();
  sampler = setInterval(sampleCommandLines, 50);
  project = await createServiceProject({
    top: 'stores: { data: { files: { paths: [data] } } }\n# backups',
    watch: '',
    verify: '      - Agreed: { run: [test, "!", -e, disagree-$VERSION] }',
  });
  project.write('data/word.txt', 'one');
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) project.addVersion(version, 'healthy');
  const file = join(safe, 'identity.txt');
  recipient = /recipient {2}(age1\S+)/.exec(said(0, await project.shipway(['backup', 'keygen', file])))?.[1] ?? '';
  identity = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
  useCopies({});
}, LIMIT_MS);
afterAll(async () => {
  clearInterval(sampler);
  rmSync(safe, { recursive: true, force: true });
  await project.remove();
  await s3.close();
  await sftp?.remove();
});

let template = '';
/** Writes the release file with these second places. */
function useCopies({ endpoint = s3.endpoint, disk = join(safe, 'disk'), isRequired = false, more = '' }): void {
  if (template === '') template = project.read('shipway.yaml');
  const places = [
    `    - directory: ${disk}`,
    `    - s3: { bucket: acme, endpoint: '${endpoint}', prefix: shop, access-key: $S3_KEY, secret-key: $S3_SECRET }`,
    ...(sftp === null
      ? []
      : [
          `    - sftp: { host: 127.0.0.1, port: ${sftp.port}, user: ${sftp.user}, directory: ${sftp.directory}, identity-file: ${sftp.identityFile}, known-hosts: ${sftp.knownHosts} }`,
        ]),
  ];
  if (isRequired) places.splice(1, 0, '      required: true');
  const text = `backups:\n  encryption: { recipients: [${recipient}], identity: $SHIPWAY_BACKUP_IDENTITY }\n  copies:\n${places.join('\n')}\n${more}`;
  project.write('shipway.yaml', template.replace('# backups', text));
}

function sampleCommandLines(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // it has ended
    }
  }
}

async function run(code: number, args: string[], extra: Record<string, string> = {}): Promise<string> {
  const environment = { S3_KEY: s3.accessKey, S3_SECRET: SECRET, ...extra };
  const text = said(code, await project.shipway(args, { environment, limitSeconds: COMMAND_SECONDS }));
  printed.push(text);
  return text;
}
const reader = (): Record<string, string> => ({ SHIPWAY_BACKUP_IDENTITY: identity });
const placeNames = (): string[] => ['directory', 's3', ...(sftp === null ? [] : ['sftp'])];
const vault = (): string => join(project.directory, '.shipway/backups');
const idsHere = (): string[] => readdirSync(vault()).filter((name) => /^bk_[^.]+$/.test(name));
const idsInS3 = (): string[] => [
  ...new Set([...s3.objects.keys()].flatMap((key) => /^acme\/shop\/(bk_[^/]+)\/manifest\.json$/.exec(key)?.[1] ?? [])),
];
const word = (): string => project.read('data/word.txt');

test(
  `doctor writes, reads and deletes in every place (${missing === '' ? 'directory, S3, SFTP' : `without SFTP: ${missing}`})`,
  async () => {
    const text = await run(0, ['doctor']);
    for (const name of placeNames())
      expect(text).toMatch(new RegExp(`copies in ${name}\\s+written, read and deleted there: `));
    expect(readdirSync(join(safe, 'disk'))).toEqual([]);
    expect([...s3.objects.keys()]).toEqual([]);
    expect(await run(0, ['doctor'], { S3_SECRET: 'wrong' })).toMatch(
      /copies in s3\s+the server does not accept the credentials/,
    );
  },
  LIMIT_MS,
);

test(
  'the plan of a release names every copy, and the release makes them before its first change',
  async () => {
    const plan = await run(0, ['plan', '1.0.0']);
    for (const name of placeNames()) expect(plan).toContain(`copy it to ${name}, read back; a failure only warns`);
    await run(0, ['release', '1.0.0', '--speed', '60']);
    const [id = ''] = idsHere();
    for (const name of placeNames()) {
      const listed = await run(0, ['backup', 'list', '--at', name]);
      expect(listed).toMatch(new RegExp(`${id}.* yes +yes +whole`));
    }
    expect(await run(0, ['backup', 'show', id])).toMatch(/copy {5}copied to directory/);
    expect(await run(0, ['status'])).not.toContain('not copied');
  },
  LIMIT_MS,
);

test(
  'a place that fails does not stop a release; it is shown everywhere, and backup copy mends it',
  async () => {
    useCopies({ endpoint: 'http://127.0.0.1:9' });
    const released = await run(0, ['release', '1.1.0', '--speed', '60']);
    expect(released).toContain('RELEASED 1.1.0');
    expect(released).toMatch(/NOT copied: backup\.copy-s3: .*connection was refused/);
    const id = idsHere().at(-1) ?? '';
    expect(await run(0, ['backup', 'list'])).toMatch(/NOT copied to s3: .*connection was refused/);
    expect(await run(0, ['backup', 'show', id])).toContain('NOT copied to s3');
    expect(await run(0, ['status'])).toMatch(
      new RegExp(`the newest backup ${id} is not copied to s3: [^]*next: shipway backup copy --env production`),
    );
    expect(await run(0, ['doctor'])).toMatch(/copies of production\s+the newest backup/);
    expect(await run(1, ['backup', 'copy'])).toMatch(/FAILED .* to s3/);
    useCopies({});
    expect(await run(0, ['backup', 'copy', '--dry-run'])).toContain(`would copy ${id} to s3`);
    expect(idsInS3()).not.toContain(id);
    expect(await run(0, ['backup', 'copy'])).toMatch(new RegExp(`copied   ${id} to s3: .* sent`));
    expect(await run(0, ['backup', 'copy'])).toContain('every backup is in every place already');
    expect(idsInS3()).toContain(id);
    expect(await run(0, ['status'])).not.toContain('is not copied');
  },
  LIMIT_MS,
);

test(
  'a required place that fails stops the release before anything was changed',
  async () => {
    renameSync(join(safe, 'disk'), join(safe, 'unplugged'));
    useCopies({ isRequired: true });
    const text = await run(22, ['release', '1.2.0', '--speed', '60']);
    expect(text).toMatch(
      /STOPPED[^]*the folder for copies is not there[^]*Nothing was changed\. production still runs 1\.1\.0/,
    );
    expect(await run(1, ['backup', 'create'])).toMatch(
      /signed; opened again[^]*FAILED .* to directory: the folder for copies is not there/,
    );
    renameSync(join(safe, 'unplugged'), join(safe, 'disk'));
    useCopies({});
    await run(0, ['backup', 'copy']);
  },
  LIMIT_MS,
);

test(
  'the closing sentence of a backup by hand says where it is',
  async () => {
    const text = await run(0, ['backup', 'create']);
    for (const name of placeNames())
      expect(text).toMatch(new RegExp(`copied {3}bk_.* to ${name}: .* sent.*; read back`));
  },
  LIMIT_MS,
);

test(
  'nothing is fetched while somebody else works on the backups',
  async () => {
    await run(0, ['backup', 'create']);
    const id = idsHere().at(-1) ?? '';
    const place = { service: 'shop', environment: 'production' };
    const text = await project.memory((database) =>
      withBackupLock(database, place, () => run(30, ['backup', 'fetch', id, '--from', 'directory'])),
    );
    expect(text).toContain('somebody else works on the backups of shop production right now');
  },
  LIMIT_MS,
);

test(
  'a release file that would send backups unencrypted is refused, and says what to write',
  async () => {
    const file = project.read('shipway.yaml');
    project.write('shipway.yaml', file.replace(/ {2}encryption: .*\n/, ''));
    expect(await run(2, ['backup', 'list'])).toMatch(
      /backups\.copies\[0\]: would be sent backups that are not encrypted.*unencrypted: true/,
    );
    project.write('shipway.yaml', file);
  },
  LIMIT_MS,
);

test(
  'with the vault gone everything comes back: by a stranger with the second program, and by fetch and restore',
  async () => {
    project.write('data/word.txt', 'written after the last backup');
    const id = idsHere().at(-1) ?? '';
    const signer = /signed {3}(ed25519:\S+)/.exec(await run(0, ['backup', 'show', id]))?.[1] ?? '';
    rmSync(vault(), { recursive: true });
    const into = join(safe, 'into');
    const argv = [SECOND_PROGRAM, join(safe, 'disk', id), into, signer];
    const read = spawnSync(process.execPath, argv, { input: identity, encoding: 'utf8' });
    expect(read.stderr).toBe('');
    expect(readFileSync(join(into, 'data/files/data/word.txt'), 'utf8')).toBe('one');
    expect(await run(0, ['backup', 'list'])).toContain('No backup yet');
    for (const name of placeNames()) {
      rmSync(vault(), { recursive: true, force: true });
      expect(await run(0, ['backup', 'fetch', id, '--from', name, '--dry-run'])).toContain(
        `would fetch ${id} from ${name}`,
      );
      expect(await run(0, ['backup', 'fetch', id, '--from', name])).toContain(
        `fetched ${id} from ${name}: signature and every stored byte checked`,
      );
      expect(await run(0, ['backup', 'verify', id], reader())).toContain('1 of 1 whole, looked at V2');
    }
    const look = join(safe, 'look');
    await run(0, ['backup', 'restore', id, '--into', look], reader());
    expect(readFileSync(join(look, 'data/data/word.txt'), 'utf8')).toBe('one');
    expect(word()).toBe('written after the last backup');
  },
  LIMIT_MS,
);

test(
  'on another machine, with an empty memory and another key, the signer has to be named first',
  async () => {
    const id = idsInS3().sort().at(-1) ?? '';
    const other = await createServiceProject({ watch: '' });
    try {
      const shown = (await run(0, ['backup', 'list', '--at', 'directory', '--json'])).trim();
      const signer = (JSON.parse(shown) as { backups: { signer: string }[] }).backups[0]?.signer ?? '';
      const file = (signers: string): string =>
        project.read('shipway.yaml').replace('  copies:', `${signers}  copies:`);
      mkdirSync(join(other.directory, 'data'));
      const fetch = async (code: number): Promise<string> => {
        const environment = { S3_KEY: s3.accessKey, S3_SECRET: SECRET, ...reader() };
        const args = ['backup', 'fetch', id, '--from', 's3'];
        return said(code, await other.shipway(args, { environment, limitSeconds: COMMAND_SECONDS }));
      };
      other.write('shipway.yaml', file(''));
      expect(await fetch(1)).toContain('a key that this project does not know');
      expect(existsSync(join(other.directory, '.shipway/backups'))).toBe(false);
      other.write('shipway.yaml', file(`  signers: ['${signer}']\n`));
      expect(await fetch(0)).toContain(`fetched ${id}`);
      const { ended } = await acceptLoss(other, ['backup', 'restore', id], {
        environment: reader(),
        limitSeconds: COMMAND_SECONDS,
      });
      expect(said(0, ended)).toContain(`restored ${id}`);
      expect(readFileSync(join(other.directory, 'data/word.txt'), 'utf8')).toBe('one');
    } finally {
      await other.remove();
    }
  },
  LIMIT_MS,
);

test(
  'prune marks in the places what no rule keeps, and deletes it after seven days, never what is needed or pinned',
  async () => {
    useCopies({ more: '  keep: { for: 0s, last: 0, daily: 0, weekly: 0, monthly: 0 }\n' });
    for (let count = 0; count < 3; count += 1) await run(0, ['backup', 'create']);
    const before = idsInS3();
    const planned = await run(0, ['backup', 'prune', '--dry-run']);
    const [marked = ''] = [...planned.matchAll(/^prune {4}(bk_\S+) in s3/gm)].map(([, id]) => id ?? '');
    expect(marked).not.toBe('');
    expect([...s3.objects.keys()].some((key) => key.endsWith('.pruned'))).toBe(false);
    const pinned = [...planned.matchAll(/^prune {4}(bk_\S+) in directory/gm)].at(-1)?.[1] ?? '';
    expect(pinned).not.toBe('');
    await run(0, ['backup', 'prune']);
    const tombstone = join(safe, 'disk', `${pinned}.pruned`);
    expect(existsSync(tombstone)).toBe(true);
    expect(idsInS3()).toEqual(before);
    expect(await run(0, ['backup', 'list', '--at', 'directory'])).toMatch(
      new RegExp(`${pinned}.*to be deleted, marked`),
    );
    const aged = (path: string): void =>
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replace(
          /"prunedAt":"[^"]+"/,
          `"prunedAt":"${new Date(Date.now() - 7.1 * 86_400_000).toISOString()}"`,
        ),
      );
    aged(tombstone);
    const deleted = await run(0, ['backup', 'prune']);
    expect(deleted).toMatch(new RegExp(`delete {3}${pinned} in directory`));
    expect(existsSync(join(safe, 'disk', pinned))).toBe(false);
    expect(idsInS3()).toContain(pinned);
    const needed = /^keep {5}(bk_\S+) in s3 {2}taken before/m.exec(
      await run(0, ['backup', 'prune', '--dry-run', '--explain']),
    );
    expect(needed?.[1]).toBeDefined();
  },
  LIMIT_MS,
);

test(
  'no secret stands in output, journal, process list, or anything that shipway wrote',
  async () => {
    expect(printed.filter((text) => text.includes(SECRET))).toEqual([]);
    if (sftp !== null) expect([...commandLines].some((line) => line.includes('StrictHostKeyChecking'))).toBe(true);
    expect([...commandLines].filter((line) => line.includes(SECRET))).toEqual([]);
    const rows = await project.rows<{ row: string }>('select row_to_json(t)::text as row from shipway.journal t');
    expect(rows.some(({ row }) => row.includes('backup.copied'))).toBe(true);
    expect(rows.filter(({ row }) => row.includes(SECRET))).toEqual([]);
    const paths = (readdirSync(project.directory, { recursive: true }) as string[]).filter(
      (path) =>
        !path.startsWith('.shipway/postgres') &&
        statSync(join(project.directory, path), { throwIfNoEntry: false })?.isFile(),
    );
    expect(paths.some((path) => path.startsWith('.shipway/backups'))).toBe(true);
    expect(paths.filter((path) => readFileSync(join(project.directory, path), 'latin1').includes(SECRET))).toEqual([]);
  },
  LIMIT_MS,
);
