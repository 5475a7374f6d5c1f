import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { said } from '../support/service-project.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const FILE = `service: shop
stores: { data: { files: { paths: [data] } } }
backups: { drill: every 2 days }
environments:
  production:
    target: { command: { deploy: [touch, deployed], observe: [echo, none] } }
`;
const LIMIT_MS = 240_000;
const OPTIONS = { limitSeconds: 120 };

let project: TemporaryProject;
beforeAll(() => {
  project = createTemporaryProject({ 'shipway.yaml': FILE, 'data/a.txt': 'a' });
});
afterAll(() => project.remove());

/** As cron would, with its short environment, from another folder. */
function runLine(line: string): string {
  const command = line
    .split(' ')
    .slice(5)
    .join(' ')
    .replaceAll(String.raw`\%`, '%');
  return execFileSync('/bin/sh', ['-c', command], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/' },
    encoding: 'utf8',
  });
}

test(
  'the printed lines, run by a shell that knows nothing, take a backup, prune, and drill',
  async () => {
    const lines = said(0, await project.run(['backup', 'schedule'], OPTIONS)).split('\n');
    const [backup, drill] = lines.filter((line) => /^\d/.test(line));
    expect(backup).toMatch(/^17 2 \* \* \* cd /);
    expect(drill).toMatch(/^47 4 \* \* \* cd /);
    expect(runLine(backup ?? '')).toMatch(/bk_\w+_shop_production_daily_\w+/);
    expect(runLine(drill ?? '')).toContain('shop production: 1 of 1 proven by a restore');
    const shown = JSON.parse(said(0, await project.run(['backup', 'list', '--json'], OPTIONS))) as {
      backups: { reason: string; restored: { level: number } | null }[];
    };
    expect(shown.backups).toMatchObject([{ reason: 'daily', restored: { level: 3 } }]);
    expect(said(0, await project.run(['backup', 'schedule', '--as', 'systemd'], OPTIONS))).toContain('[Timer]');
    said(2, await project.run(['backup', 'schedule', '--as', 'moon'], OPTIONS));
    said(2, await project.run(['backup', 'create', '--reason', 'hourly'], OPTIONS));
  },
  LIMIT_MS,
);
