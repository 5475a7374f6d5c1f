import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const SENTINEL = 'Sent1nel-of-a-customer-9f8e7d6c';
const COMMAND_SECONDS = 240; // far more than any needs: a busy machine must not fail a test
const LIMIT_MS = 900_000; // a dozen commands one after the other, on a machine that does other things too

let project: ServiceProject;
let safe: string;
let identity: string;
let recipient: string;
/** The one backup that was taken without recipients. */
let plain: string;
const printed: string[] = [];
const commandLines = new Set<string>();
let sampler: NodeJS.Timeout;

beforeAll(async () => {
  // Where the identity is: another place than the project, as it would be another machine.
  safe = mkdtempSync(join(tmpdir(), 'shipway-safe-'));
  sampler = setInterval(sampleCommandLines, 50);
  project = await createServiceProject({
    top: 'stores: { data: { files: { paths: [data] } } }\n# backups',
    watch: '',
    verify: '      - Agreed: { run: [test, "!", -e, disagree-$VERSION] }',
  });
  project.write('data/customers.txt', `${SENTINEL}\n`.repeat(100));
  for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
}, LIMIT_MS);
afterAll(async () => {
  clearInterval(sampler);
  rmSync(safe, { recursive: true, force: true });
  await project.remove();
});

function sampleCommandLines(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // it has ended
    }
  }
}

/** With the identity in the environment when asked for: on the machine that reads. */
async function run(code: number, args: string[], where: 'production' | 'reader' = 'production'): Promise<string> {
  const environment: Record<string, string> = where === 'reader' ? { SHIPWAY_BACKUP_IDENTITY: identity } : {};
  const text = said(code, await project.shipway(args, { environment, limitSeconds: COMMAND_SECONDS }));
  printed.push(text);
  return text;
}

const keptKeys = (): string[] => {
  const folder = join(project.directory, '.shipway/keys');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.data-key')) : [];
};
const leaks = (text: string): string[] => [SENTINEL, identity].filter((secret) => text.includes(secret));

test(
  'keygen prints the recipient, writes the identity for this user alone, and writes over nothing',
  async () => {
    const file = join(safe, 'identity.txt');
    const text = said(0, await project.shipway(['backup', 'keygen', file]));
    recipient = /recipient {2}(age1\S+)/.exec(text)?.[1] ?? '';
    identity = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
    expect(recipient).toMatch(/^age1/);
    expect(identity).toMatch(/^AGE-SECRET-KEY-1/);
    expect(text).not.toContain(identity);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await run(30, ['backup', 'keygen', file]);
    expect(readFileSync(file, 'utf8')).toContain(identity);
  },
  LIMIT_MS,
);

test(
  'without recipients a backup is signed, and list, doctor and the closing sentence say that it is not encrypted',
  async () => {
    const text = await run(0, ['backup', 'create']);
    expect(text).toMatch(/signed; opened again, .*; NOT encrypted: whoever can read the folder/);
    plain = /bk_\w+_manual_\w+/.exec(text)?.[0] ?? '';
    expect(plain).not.toBe('');
    expect(await run(0, ['backup', 'list'])).toMatch(/OWN +SHARED +RAW +ENCRYPTED[^]* NO [^]*1 of 1 not encrypted/);
    expect(await run(0, ['doctor'])).toContain('NOT encrypted');
  },
  LIMIT_MS,
);

test(
  'with a recipient a release is backed up encrypted, and its key is gone when it is stable',
  async () => {
    const file = project.read('shipway.yaml');
    const encryption = `backups: { encryption: { recipients: [${recipient}], identity: $SHIPWAY_BACKUP_IDENTITY } }`;
    project.write('shipway.yaml', file.replace('# backups', encryption));
    await run(0, ['release', '1.0.0', '--speed', '60']);
    expect(keptKeys()).toEqual([]);
    expect(await run(0, ['backup', 'show', 'before:r-0001'])).toContain(`encrypted for ${recipient}`);
    const { backups } = JSON.parse(await run(0, ['backup', 'list', '--json'])) as {
      backups: { reason: string; bytes: number; storedBytes: number; encryptedFor: string[] }[];
    };
    const encrypted = backups.find((one) => one.reason === 'pre-release');
    expect(encrypted?.encryptedFor).toEqual([recipient]);
    expect(encrypted?.storedBytes).toBeLessThan(encrypted?.bytes ?? 0);
    expect(await run(0, ['doctor'])).toContain('no identity here');
  },
  LIMIT_MS,
);

test(
  'a release that fails goes back without the identity, and keeps its key until the hold is lifted',
  async () => {
    project.write('disagree-1.1.0', '');
    await run(20, ['release', '1.1.0', '--speed', '60']);
    expect(keptKeys()).toHaveLength(1);
    await run(0, ['unlock', 'shop', '--env', 'production', '--reason', 'looked at it', '--yes']);
    expect(keptKeys()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'production verifies signature, chain and stored hashes; the reader opens every copy; another identity is named',
  async () => {
    expect(await run(0, ['backup', 'verify', '--level', '1'])).toMatch(/3 of 3 whole, looked at V1$/m);
    const closed = await run(1, ['backup', 'verify']);
    expect(closed).toMatch(/could not be looked at: [^\n]*there is no identity here to read it/);
    expect(closed).toMatch(/1 of 3 whole, looked at V2$/m);
    expect(await run(0, ['backup', 'verify'], 'reader')).toMatch(/3 of 3 whole, looked at V2$/m);
    const file = join(safe, 'other.txt');
    said(0, await project.shipway(['backup', 'keygen', file]));
    const ended = await project.shipway(['backup', 'verify', 'before:r-0001'], {
      environment: { SHIPWAY_BACKUP_IDENTITY: file },
      limitSeconds: COMMAND_SECONDS,
    });
    expect(said(1, ended)).toContain('this identity opens none of its keys');
  },
  LIMIT_MS,
);

test(
  'a removed one shows in the chain, an edited one in the list, and both in the exit code',
  async () => {
    const vault = join(project.directory, '.shipway/backups');
    const [, middle = '', last = ''] = readdirSync(vault).filter((name) => name.startsWith('bk_'));
    const manifest = join(vault, middle, 'manifest.json');
    const before = readFileSync(manifest, 'utf8');
    rmSync(manifest);
    expect(await run(1, ['backup', 'verify'])).toContain(`${middle}: its manifest is missing`);
    writeFileSync(manifest, before.replace('"version":null', '"version":"9.9.9"'));
    expect(await run(0, ['backup', 'list'])).toContain(`UNTRUSTED  ${middle}: the manifest was changed`);
    rmSync(join(vault, middle), { recursive: true });
    expect(await run(40, ['backup', 'verify'])).toContain(`the backup before ${last} is neither here nor pruned`);
  },
  LIMIT_MS,
);

test(
  'neither the data nor the identity stands in output, journal, process list, or anything that shipway wrote',
  async () => {
    expect(printed.flatMap(leaks)).toEqual([]);
    expect([...commandLines].some((line) => line.includes('backup'))).toBe(true);
    expect([...commandLines].flatMap(leaks)).toEqual([]);
    const rows = await project.rows<{ row: string }>('select row_to_json(t)::text as row from shipway.journal t');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.flatMap(({ row }) => leaks(row))).toEqual([]);
    const paths = (readdirSync(project.directory, { recursive: true }) as string[]).filter(
      (path) =>
        !/^data\/|^\.shipway\/postgres/.test(path) &&
        !path.startsWith(join('.shipway/backups', plain)) &&
        statSync(join(project.directory, path), { throwIfNoEntry: false })?.isFile(),
    );
    expect(paths.some((path) => path.endsWith('keys.age'))).toBe(true);
    expect(
      paths.flatMap((path) => leaks(readFileSync(join(project.directory, path), 'latin1')).map(() => path)),
    ).toEqual([]);
  },
  LIMIT_MS,
);
