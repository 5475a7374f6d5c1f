import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { runCommand } from './run-command.ts';

const request = { cwd: tmpdir(), environment: { PATH: process.env['PATH'] ?? '' }, timeoutSeconds: 60 };

it('stdout is handed on byte by byte as it comes, in pieces, and nothing of it is kept', async () => {
  const hash = createHash('sha256');
  let pieces = 0;
  const script = 'dd if=/dev/zero bs=65536 count=400 2>/dev/null; printf "\\377\\376end"; echo said >&2; exit 3';
  const onOutput = (chunk: Buffer): void => {
    pieces += 1;
    hash.update(chunk);
  };
  const result = await runCommand({ ...request, argv: ['sh', '-c', script], onOutput });
  expect(result).toMatchObject({ exitCode: 3, stdout: '', stderr: 'said\n', stdoutBytes: 400 * 65_536 + 5 });
  expect(pieces).toBeGreaterThan(10);
  const whole = Buffer.concat([Buffer.alloc(400 * 65_536), Buffer.from([0xff, 0xfe]), Buffer.from('end')]);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(whole).digest('hex'));
});
