import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTypescript, type TypescriptProcess } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { gap } from './gap.ts';

let folder = '';
const started: TypescriptProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-gaps-'));
});
afterEach(() => {
  for (const one of started.splice(0)) one.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function arm(at: string, deed: string): void {
  writeFileSync(join(folder, 'at'), at);
  writeFileSync(join(folder, 'do'), deed);
}

/** A program that passes three gaps and says after each that it did. */
function startProgram(environment: Record<string, string> = { SHIPWAY_GAPS: folder }): TypescriptProcess {
  const program = startTypescript(
    `import { gap } from '@/src/platform/gap.ts';
     for (const name of ['deploy/before', 'deploy/after', 'verify/after']) { await gap(name); console.log(name); }`,
    environment,
  );
  started.push(program);
  return program;
}

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('gap', () => {
  it('does nothing when SHIPWAY_GAPS is not set', async () => {
    arm('*', 'kill');
    expect(process.env['SHIPWAY_GAPS']).toBeUndefined();
    await gap('deploy/before');
    const program = startProgram({});
    expect(await program.ended).toBe(0);
    expect(existsSync(join(folder, 'passed'))).toBe(false);
  });

  it('only writes down what was passed when nothing is armed', async () => {
    expect(await startProgram().ended).toBe(0);
    expect(read('passed')).toBe('deploy/before\ndeploy/after\nverify/after\n');
  });

  it('kills the program at the armed name, before anything behind it happens, and once only', async () => {
    arm('["deploy/after"]', 'kill');
    const program = startProgram();
    expect(await program.ended).toBe('SIGKILL');
    expect(program.stdout()).toBe('deploy/before\n');
    expect(read('reached-deploy_after')).toBe(String(program.child.pid));
    expect(read('passed')).toBe('deploy/before\ndeploy/after\n');
    expect(await startProgram().ended).toBe(0);
    rmSync(join(folder, 'reached-deploy_after'));
    expect(await startProgram().ended).toBe('SIGKILL');
  });

  it('needs the exact name', async () => {
    arm('["deploy", "after", "Deploy/after"]', 'kill');
    expect(await startProgram().ended).toBe(0);
  });

  it.each(['*', '"*"', '["*"]'])('takes %s for every name, one after the other', async (at) => {
    arm(at, 'kill');
    for (let i = 0; i < 3; i++) expect(await startProgram().ended).toBe('SIGKILL');
    expect(await startProgram().ended).toBe(0);
  });

  it('holds the program until it may go on', async () => {
    arm('["deploy/after"]', 'hold');
    const program = startProgram();
    const pid = await waitUntil(
      'the gap',
      () => existsSync(join(folder, 'reached-deploy_after')) && read('reached-deploy_after'),
    );
    expect(Number(pid)).toBe(program.child.pid);
    await waitUntil('what it printed before', () => program.stdout() === 'deploy/before\n');
    writeFileSync(join(folder, 'go-deploy_after'), '');
    expect(await program.ended).toBe(0);
    expect(program.stdout()).toBe('deploy/before\ndeploy/after\nverify/after\n');
  });

  it('fails loudly when it is told neither to kill nor to hold', async () => {
    arm('*', 'explode');
    const program = startProgram();
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toContain('holds "explode", expected kill or hold');
  });
});
