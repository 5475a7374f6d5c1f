import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { createTemporaryProject } from '../support/temporary-project.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Whether the process is still there. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('waiting', () => {
  test('returns the first answer that counts', async () => {
    const answers = [null, undefined, false, 0] as const;
    let turn = 0;
    expect(await waitUntil('an answer', () => answers[turn++], { everyMs: 1 })).toBe(0);
  });

  test('says what it waited for and why the last try did not count', async () => {
    const never = waitUntil('the moon', () => false, { limitSeconds: 0 });
    await expect(never).rejects.toThrow('waited 0 s for: the moon (the last answer was false)');
    const broken = waitUntil('the moon', () => Promise.reject(new Error('clouds')), { limitSeconds: 0 });
    await expect(broken).rejects.toThrow('waited 0 s for: the moon (the last try failed: clouds)');
  });
});

describe('a temporary project', () => {
  test('takes its files and its processes with it, even those that outlive their parent and ignore SIGTERM', async () => {
    const project = createTemporaryProject({ 'shipway.yaml': 'service: x\n' });
    const stubborn =
      "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); require('fs').writeFileSync('ready', '')";
    project.write('stubborn.cjs', stubborn);
    project.write(
      'parent.cjs',
      `const child = require('child_process').spawn(process.execPath, ['stubborn.cjs'], { detached: true, stdio: 'ignore' });
       child.unref();
       require('fs').writeFileSync('pid', String(child.pid));`,
    );
    project.spawn([process.execPath, 'parent.cjs']);
    await waitUntil('the detached process to run', () => existsSync(join(project.directory, 'ready')));
    const pid = Number(project.read('pid'));
    expect(isRunning(pid)).toBe(true);
    await project.remove();
    await waitUntil('the process to be gone', () => !isRunning(pid));
    expect(existsSync(project.directory)).toBe(false);
    await project.remove();
  });

  test('runs shipway there and gives back what it printed', async () => {
    const project = createTemporaryProject();
    const ended = await project.run(['--help']);
    await project.remove();
    expect(ended.signal).toBeNull();
    expect(ended.stdout + ended.stderr).toContain('shipway');
  });
});

test('a free port can be listened to', async () => {
  const port = await freePort();
  const refused = await new Promise<string | undefined>((resolve) => {
    request({ port, host: '127.0.0.1' })
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      .end();
  });
  expect(refused).toBe('ECONNREFUSED');
});
