import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import { createLog, redactLine } from './log.ts';
import { registerSecret } from './redact.ts';

const SECRET = 'n0t"for\\you/at all';
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-log-'));
  registerSecret('LOG_SECRET', SECRET);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('createLog', () => {
  it('appends lines of JSON to a file for its owner only, in a folder it creates', () => {
    const file = join(folder, 'deep', 'shipway.log');
    createLog(file, 'info').info({ release: 'r1' }, 'first');
    createLog(file, 'info').info('second');
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([{ release: 'r1', msg: 'first', pid: process.pid }, { msg: 'second' }]);
    expect(lines[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('leaves out what is below its level', () => {
    const file = join(folder, 'level.log');
    const log = createLog(file, 'warn');
    log.info('quiet');
    log.warn('loud');
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
  });

  it('masks a secret in messages, fields, keys, nested values and errors, and the line stays JSON', () => {
    const file = join(folder, 'masked.log');
    const log = createLog(file, 'info');
    log.info({ url: `http://h/?k=${encodeURIComponent(SECRET)}`, [SECRET]: [{ deep: SECRET }] }, `told ${SECRET}`);
    log.error(new Error(`refused ${SECRET}`), 'failed');
    log.child({ token: SECRET }).info('child');
    const text = readFileSync(file, 'utf8');
    for (const line of text.trimEnd().split('\n')) expect(JSON.parse(line)).toBeTypeOf('object');
    expect(text).not.toContain('for\\\\you');
    expect(text.match(/\[masked LOG_SECRET\]/g)?.length).toBeGreaterThanOrEqual(7);
  });

  it('writes to stderr when there is no file, at once, also just before it is killed', async () => {
    const program = startTypescript(
      `import { createLog } from '@/src/platform/log.ts';
       createLog(null, 'info').info('last words');
       process.kill(process.pid, 'SIGKILL');`,
    );
    expect(await program.ended).toBe('SIGKILL');
    expect(program.stdout()).toBe('');
    expect(program.stderr()).toContain('"msg":"last words"');
  });
});

describe('redactLine', () => {
  it('gives JSON for JSON, whatever stands around the secret', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const line = `${JSON.stringify({ msg: `${before}${SECRET}${after}` })}\n`;
        const masked = redactLine(line);
        expect(masked.endsWith('\n')).toBe(true);
        expect((JSON.parse(masked) as { msg: string }).msg).not.toContain(SECRET);
      }),
    );
  });

  it('masks a line that is no JSON', () => {
    expect(redactLine(`oops ${SECRET}\n`)).toBe('oops [masked LOG_SECRET]\n');
  });
});
