import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const PROGRAM = resolve('bin/shipway.js');
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
// Root may write everywhere, so there the program runs as nobody, who has to be able to read it.
const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
const canRun = spawnSync(process.execPath, [PROGRAM, '--version'], user).status === 0;
const reason = canRun ? '' : '(needs a working folder that every user may read)';

const FILE = `service: shop
environments:
  production:
    target: { command: { deploy: [sh, -c, 'echo $VERSION > version.txt'], observe: [cat, version.txt] } }
    verify: [Deployed: { run: [grep, -q, $VERSION, version.txt] }]
`;

interface Finding {
  level: string;
  what: string;
  found: string;
  next: string;
}

describe.skipIf(!canRun)(`doctor for a user without rights ${reason}`, () => {
  let project: TemporaryProject;
  afterEach(async () => {
    chmodSync(project.directory, 0o755);
    await project.remove();
  });

  function stateFolder(): { code: number | null; finding: Finding | undefined } {
    const { status, stdout } = spawnSync(process.execPath, [PROGRAM, 'doctor', '--json'], {
      ...user,
      cwd: project.directory,
      env: { PATH: process.env['PATH'] ?? '', HOME: project.directory },
      encoding: 'utf8',
      timeout: 120_000,
    });
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    return { code: status, finding: findings.find(({ what }) => what === 'state folder') };
  }

  test(
    'a project folder that cannot be written fails, with what to do, though nothing is there yet',
    { timeout: 150_000 },
    () => {
      project = createTemporaryProject({ 'shipway.yaml': FILE });
      chmodSync(project.directory, isRoot ? 0o755 : 0o555);
      const { code, finding } = stateFolder();
      expect(code).toBe(1);
      expect(finding?.level).toBe('fail');
      expect(finding?.found).toMatch(/\.shipway cannot be made: this user may not write in /);
      expect(finding?.next).toContain('ls -ld ');
    },
  );

  test('a folder that can be written is well', { timeout: 150_000 }, () => {
    project = createTemporaryProject({ 'shipway.yaml': FILE });
    chmodSync(project.directory, 0o777);
    const { code, finding } = stateFolder();
    expect(finding).toMatchObject({
      level: 'ok',
      found: expect.stringContaining('is made with the first release') as string,
    });
    expect(code).toBe(0);
  });
});
