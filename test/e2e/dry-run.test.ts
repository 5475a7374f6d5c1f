import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runShipway } from '../support/run-shipway.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { createTemporaryProject } from '../support/temporary-project.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Every file with its mode and a digest of its bytes; the database's own files, whose rows are compared one by one, are left out. */
function treeOf(directory: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(directory, below)).sort()) {
    const path = join(below, name);
    if (path.startsWith('.shipway/postgres')) continue;
    const entry = lstatSync(join(directory, path));
    if (entry.isDirectory()) Object.assign(found, { [path]: 'folder' }, treeOf(directory, path));
    else if (entry.isSymbolicLink()) found[path] = `link to ${readlinkSync(join(directory, path))}`;
    else if (entry.isFile()) {
      const digest = createHash('sha256')
        .update(readFileSync(join(directory, path)))
        .digest('hex');
      found[path] = `${entry.mode.toString(8)} ${digest}`;
    }
  }
  return found;
}

/** Every row of every table of ours, as text. */
async function rowsOf(project: ServiceProject): Promise<Record<string, string[]>> {
  return project.memory(async ({ pool }) => {
    const tables = await pool.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'shipway' order by 1`,
    );
    const found: Record<string, string[]> = {};
    for (const { name } of tables.rows) {
      const { rows } = await pool.query<{ row: string }>(`select t::text as row from shipway.${name} t order by 1`);
      found[name] = rows.map(({ row }) => row);
    }
    return found;
  });
}

/** The instances and the router with their process numbers, as the kernel knows them. */
function processesOf(project: ServiceProject): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const works = readlinkSync(`/proc/${pid}/cwd`);
        const isOurs =
          works.startsWith(join(project.directory, 'releases')) ||
          words.some((word) => word.includes(project.directory));
        return isOurs && !words[0]?.includes('postgres') ? [`${pid} ${words.join(' ')}`] : [];
      } catch {
        return [];
      }
    })
    .sort();
}

async function everything(project: ServiceProject): Promise<object> {
  const answer = await fetch(`${project.url}/health`, { headers: { connection: 'close' } });
  return {
    rows: await rowsOf(project),
    tree: treeOf(project.directory),
    processes: processesOf(project),
    answer: await answer.json(),
  };
}

describe('with --dry-run', () => {
  let project: ServiceProject;
  let backup = '';

  beforeAll(async () => {
    project = await createServiceProject({
      top: 'stores: { data: { files: { paths: [data] } } }\nrelease: { hotfix: { approval: { count: 1, from: [ana, bo] } } }',
    });
    project.write('data/orders.txt', 'one\n');
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) project.addVersion(version, 'healthy');
    project.addVersion('1.0.1', 'flaps', { GOOD: '1', BAD: '1000' });
    said(0, await project.release('1.0.0'));
    said(20, await project.release('1.0.1'));
    said(0, await project.release('1.1.0'));
    const { backups } = JSON.parse(said(0, await project.shipway(['backup', 'list', '--json']))) as {
      backups: { id: string }[];
    };
    backup = backups[0]?.id ?? '';
    // One release that waits, so that there is something to approve, pause, resume and abort.
    said(10, await project.release('1.2.0', ['--type', 'hotfix', '--detach'], { as: 'cy' }));
    await waitUntil('the release to wait', async () => {
      const rows = await project.rows<{ state: string }>(`select state from shipway.release where version = '1.2.0'`);
      return rows[0]?.state === 'waiting';
    });
  }, 180_000);
  afterAll(() => project.remove());

  const why = ['--reason', 'dry'];
  const commands: [string, () => string[], number, RegExp][] = [
    ['release', () => ['release', '1.1.5', '--yes'], 0, /^release shop 1\.1\.5 -> production/m],
    ['rollback', () => ['rollback', ...why, '--yes'], 0, /would be cancelled: it has changed nothing yet/],
    ['abort', () => ['abort'], 0, /would be cancelled: it has changed nothing yet/],
    ['pause', () => ['pause', ...why], 0, /would pause before its next step/],
    ['resume', () => ['resume'], 0, /would go on/],
    ['approve', () => ['approve'], 0, /^release shop 1\.2\.0 -> production/m],
    ['approve --reject', () => ['approve', '--reject', ...why], 0, /^release shop 1\.2\.0 -> production/m],
    [
      'unlock',
      () => ['unlock', 'shop', '--env', 'production', '--version', '1.0.1', ...why, '--yes'],
      0,
      /would let shop 1\.0\.1 out of quarantine/,
    ],
    ['backup create', () => ['backup', 'create'], 0, /would back up data of shop production/],
    ['backup restore', () => ['backup', 'restore', backup, '--yes'], 30, /1\.1\.0 of shop runs in production/],
    ['init', () => ['init'], 30, /shipway\.yaml is there already and is not overwritten/],
  ];

  test.each(commands)(
    '%s prints what it would do and changes no row, no file and no process',
    async (_name, args, code, printed) => {
      const before = await everything(project);
      expect(said(code, await project.shipway([...args(), '--dry-run'], { as: 'bo' }))).toMatch(printed);
      expect(await everything(project)).toEqual(before);
    },
  );

  test('what release prints is the plan that plan prints', async () => {
    const [dry, plan] = [
      ['release', '1.1.5', '--dry-run'],
      ['plan', '1.1.5'],
    ].map((args) => project.shipway(args));
    expect(said(0, await dry!)).toBe(said(0, await plan!));
  });

  test('restoring over stopped data prints what would be replaced and changes nothing', async () => {
    said(0, await project.shipway(['abort', '--yes']));
    for (const { pid } of await instances(project)) process.kill(pid, 'SIGKILL');
    await waitUntil('the version to be gone', async () => (await instances(project)).length === 0);
    await waitUntil('the executor to be gone', async () => {
      return (await project.rows('select * from shipway.executor where gone_at is null')).length === 0;
    });
    const [rows, tree] = [await rowsOf(project), treeOf(project.directory)];
    said(0, await project.shipway(['backup', 'restore', backup, '--dry-run']));
    expect(await rowsOf(project)).toEqual(rows);
    expect(treeOf(project.directory)).toEqual(tree);
  });
});

async function instances(project: ServiceProject): Promise<{ pid: number }[]> {
  return processesOf(project).flatMap((line) =>
    line.includes('main.mjs') ? [{ pid: Number(line.split(' ')[0]) }] : [],
  );
}

describe('in a project where nothing was ever released', () => {
  const looks = [
    ['plan', '1.0.0'],
    ['release', '1.0.0', '--dry-run'],
    ['rollback', '--reason', 'x', '--dry-run'],
    ['backup', 'create', '--dry-run'],
    ['backup', 'list'],
    ['abort', '--dry-run'],
    ['pause', '--dry-run'],
    ['resume', '--dry-run'],
    ['approve', '--dry-run'],
    ['unlock', 'shop', '--env', 'production', '--reason', 'x', '--dry-run'],
    ['status'],
    ['history'],
    ['verify'],
    ['doctor'],
    ['attach'],
    ['show'],
    ['abort'],
    ['approve'],
  ];

  test('looking and --dry-run create nothing at all', async () => {
    const project = await createServiceProject({ top: 'stores: { data: { files: { paths: [data] } } }' });
    try {
      project.write('data/orders.txt', 'one\n');
      const before = treeOf(project.directory);
      for (const args of looks) {
        await project.shipway(args);
        expect(treeOf(project.directory), args.join(' ')).toEqual(before);
      }
    } finally {
      await project.remove();
    }
  }, 180_000);

  test('init --dry-run prints the file and writes none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shipway-empty-'));
    try {
      expect(said(0, await runShipway(['init', '--dry-run'], { directory: folder }))).toContain('service:');
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('demo --dry-run starts nothing', async () => {
    const project = createTemporaryProject();
    said(0, await project.run(['demo', '--dry-run']));
    expect(readdirSync(project.directory)).toEqual([]);
    await project.remove();
  });
});
