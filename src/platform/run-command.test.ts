import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { isProblem, type Problem } from '../core/release/problem.ts';
import { realClock } from './clock.ts';
import { randomId } from './ids.ts';
import { findByEnvironment, identify, isAlive, stopGroup } from './process-table.ts';
import { registerSecret } from './redact.ts';
import { type CommandRequest, type CommandResult, runCommand, startDetached } from './run-command.ts';

const PATH = process.env['PATH'] ?? '';
const SECRET = `s3cret/${randomId()}+${randomId()}`;
const isRoot = process.getuid?.() === 0;
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-run-'));
  registerSecret('DATABASE_PASSWORD', SECRET);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(script: string, more: Partial<CommandRequest> = {}): Promise<CommandResult> {
  return runCommand({ argv: ['sh', '-c', script], cwd: folder, environment: { PATH }, timeoutSeconds: 20, ...more });
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isProblem(error)) throw new Error(`expected a problem, got ${String(error)}`);
  return error;
}

function marked(token: string): unknown[] {
  return findByEnvironment('SHIPWAY_STEP', (value) => value === token);
}

describe('runCommand', () => {
  it('returns the exit code and both streams', async () => {
    expect(await run('echo out; echo err >&2; exit 3')).toMatchObject({
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      timedOut: false,
      aborted: false,
    });
  });

  it('keeps a limit that is longer than a timer can run', async () => {
    const result = await run('sleep 0.2; echo done', { timeoutSeconds: 365 * 86_400 });
    expect(result).toMatchObject({ exitCode: 0, timedOut: false, stdout: 'done\n' });
  });

  it('tells the signal that ended the program', async () => {
    expect(await run('kill -SEGV $$')).toMatchObject({ exitCode: null, signal: 'SIGSEGV', timedOut: false });
  });

  it('hands arguments over as they are, without a shell', async () => {
    const argv = ['printf', '%s|', '$HOME', '; ls', '`id`', "a'b", ''];
    const { stdout } = await runCommand({ argv, cwd: folder, environment: { PATH }, timeoutSeconds: 20 });
    expect(stdout).toBe("$HOME|; ls|`id`|a'b||");
  });

  it('gives the child its environment, the marks, and nothing of ours', async () => {
    process.env['SHIPWAY_TEST_LEAK'] = 'x';
    const { stdout } = await run('env', { environment: { PATH, COLOUR: 'blue' }, token: 'shop/deploy/1' });
    delete process.env['SHIPWAY_TEST_LEAK'];
    const names = stdout.split('\n').map((line) => line.split('=')[0] ?? '');
    // The shell adds some of its own.
    const given = names.filter((name) => !['', 'PWD', '_', 'SHLVL'].includes(name));
    expect(new Set(given)).toEqual(new Set(['COLOUR', 'PATH', 'SHIPWAY_RUN', 'SHIPWAY_STEP']));
    expect(stdout).toContain('SHIPWAY_STEP=shop/deploy/1\n');
  });

  it('gives the input and closes it, and gives none when there is none', async () => {
    expect((await run('cat', { input: 'hello' })).stdout).toBe('hello');
    expect((await run('cat; echo end')).stdout).toBe('end\n');
  });

  it('does not fail when the program never reads its input', async () => {
    expect(await run('exit 0', { input: 'x'.repeat(5_000_000) })).toMatchObject({ exitCode: 0 });
  });

  it('keeps the end of a long output, from a whole line on', async () => {
    const { stdout, stderr } = await run('seq 1 100000; seq 1 100000 >&2', { outputLimitBytes: 1000 });
    for (const text of [stdout, stderr]) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1000);
      expect(text).toMatch(/^\d{5}\n/);
      expect(text.endsWith('99999\n100000\n')).toBe(true);
    }
  });

  it('keeps the end of an output without line breaks', async () => {
    const { stdout } = await run('head -c 3000000 /dev/zero | tr "\\0" é; printf END', { outputLimitBytes: 500 });
    expect(Buffer.byteLength(stdout)).toBeLessThanOrEqual(500);
    expect(stdout.endsWith('END')).toBe(true);
  });

  it('does not break a character whose bytes arrive apart', async () => {
    const lines: string[] = [];
    const script = "printf '\\303'; sleep 0.1; printf '\\251\\n'";
    expect((await run(script, { onLine: (line) => lines.push(line) })).stdout).toBe('é\n');
    expect(lines).toEqual(['é']);
  });

  it('hands out every line of both streams, also the last one without an end', async () => {
    const lines: string[] = [];
    await run("printf 'a\\r\\nb\\n'; echo c >&2; printf d", { onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a secret in the output', () => {
  it.each([
    ['at once', 'echo "$P"'],
    ['in two writes', 'printf %s "${P%??????????}"; sleep 0.1; echo "$P" | tail -c 11'],
    ['on stderr', 'echo "$P" >&2'],
    ['in base64', 'printf "user:%s" "$P" | base64 -w 0'],
    ['wrapped over lines', 'echo "$P" | fold -w 7'],
    ['by sh -x', 'set -x; : "$P"'],
  ])('is masked when written %s', async (_, script) => {
    const lines: string[] = [];
    const result = await run(script, { environment: { PATH, P: SECRET }, onLine: (line) => lines.push(line) });
    for (const text of [result.stdout + result.stderr, lines.join('\n')]) {
      expect(text).toContain('[masked DATABASE_PASSWORD]');
      expect(text.replaceAll(/\s/g, '')).not.toContain(SECRET.slice(2, 14));
    }
  });

  it('is masked before the output is cut, so that no half of it stays', async () => {
    for (let limit = 1; limit < 60; limit++) {
      const { stdout } = await run('printf %s "$P"', { environment: { PATH, P: SECRET }, outputLimitBytes: limit });
      expect('[masked DATABASE_PASSWORD]').toContain(stdout);
    }
  });

  it('is in no problem when it is the name of the program', async () => {
    const argv = [`/nowhere/${SECRET}`];
    const problem = await problemOf(runCommand({ argv, cwd: folder, environment: { PATH }, timeoutSeconds: 5 }));
    expect(`${problem.message} ${problem.next} ${problem.where}`).not.toContain(SECRET);
  });
});

describe('a program that cannot be started', () => {
  const request = { environment: { PATH }, timeoutSeconds: 5 };

  it('is named when it is not in PATH', async () => {
    const problem = await problemOf(runCommand({ argv: ['no-such-program'], cwd: folder, ...request }));
    expect(problem.kind).toBe('command-failed');
    expect(problem.message).toBe('no-such-program was not started: the program was not found in PATH');
    expect(problem.next).toBe('Install no-such-program, or write its full path.');
    expect(problem.where).toBe(folder);
  });

  it('is looked for in the PATH of the child, not in ours', async () => {
    const problem = await problemOf(
      runCommand({ argv: ['sh', '-c', ':'], cwd: folder, environment: { PATH: folder }, timeoutSeconds: 5 }),
    );
    expect(problem.message).toBe('sh was not started: the program was not found in PATH');
  });

  it('is told apart from a folder that does not exist', async () => {
    const problem = await problemOf(runCommand({ argv: ['sh'], cwd: join(folder, 'gone'), ...request }));
    expect(problem.message).toBe(`sh was not started: the folder ${join(folder, 'gone')} does not exist`);
  });

  it('is told apart from a folder that is a file', async () => {
    const problem = await problemOf(runCommand({ argv: ['sh'], cwd: '/etc/passwd', ...request }));
    expect(problem.message).toBe('sh was not started: /etc/passwd is not a folder');
  });

  it('says that a file is not executable', async () => {
    writeFileSync(join(folder, 'plain'), 'text');
    const problem = await problemOf(runCommand({ argv: [join(folder, 'plain')], cwd: folder, ...request }));
    expect(problem.message).toContain('this user may not execute it');
  });

  it('says that the interpreter of a script may be missing', async () => {
    writeFileSync(join(folder, 'script'), '#!/no/such/interpreter\n');
    chmodSync(join(folder, 'script'), 0o755);
    const problem = await problemOf(runCommand({ argv: ['./script'], cwd: folder, ...request }));
    expect(problem.message).toContain('the interpreter in its first line is missing');
  });

  it('says that the arguments are too long', async () => {
    const problem = await problemOf(runCommand({ argv: ['echo', 'x'.repeat(4_000_000)], cwd: folder, ...request }));
    expect(problem.message).toBe('echo was not started: its arguments and environment are too long');
  });

  it('says that a command is empty', async () => {
    expect((await problemOf(runCommand({ argv: [], cwd: folder, ...request }))).message).toBe('a command is empty');
  });

  it('says that an argument cannot be handed over', async () => {
    const problem = await problemOf(runCommand({ argv: ['echo', 'a\0b'], cwd: folder, ...request }));
    expect(problem.kind).toBe('command-failed');
  });

  it.runIf(isRoot)('says that this user may not enter the folder', async () => {
    const locked = mkdtempSync(join(tmpdir(), 'shipway-locked-'));
    mkdirSync(join(locked, 'inner'));
    chmodSync(locked, 0o600);
    const script = startTypescript(
      `import { runCommand } from '@/src/platform/run-command.ts';
       process.setgid(65534); process.setuid(65534);
       for (const cwd of [${JSON.stringify(locked)}, ${JSON.stringify(join(locked, 'inner'))}]) {
         await runCommand({ argv: ['sh'], cwd, environment: {}, timeoutSeconds: 5 }).catch((e) => console.log(e.kind, e.message));
       }`,
    );
    await script.ended;
    rmSync(locked, { recursive: true });
    expect(script.stdout() + script.stderr()).toBe(
      `command-failed sh was not started: the folder ${locked} may not be entered\n` +
        `command-failed sh was not started: the folder ${join(locked, 'inner')} may not be entered\n`,
    );
  });
});

describe('the time limit', () => {
  it('ends the whole group and says that the limit was reached', async () => {
    const token = randomId();
    const result = await run('sleep 60 & sleep 60', { token, timeoutSeconds: 0.3 });
    expect(result).toMatchObject({ timedOut: true, aborted: false, exitCode: null, signal: 'SIGTERM' });
    expect(marked(token)).toEqual([]);
  });

  it('kills what ignores SIGTERM after the grace', async () => {
    const token = randomId();
    const script = "trap '' TERM; while :; do sleep 0.05; done";
    const result = await run(script, { token, timeoutSeconds: 0.3, graceSeconds: 0.2 });
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
    expect(marked(token)).toEqual([]);
  });

  it('reaches a process that escaped into a session of its own and ignores SIGTERM', async () => {
    const token = randomId();
    const script = `setsid sh -c "trap '' TERM; while :; do sleep 0.05; done" & sleep 60`;
    await run(script, { token, timeoutSeconds: 0.5, graceSeconds: 0.2 });
    expect(marked(token)).toEqual([]);
  });

  it('reaches a member of the group that has thrown its environment away', async () => {
    const { stdout } = await run('env -i sleep 60 & echo $!; sleep 60', { timeoutSeconds: 0.5 });
    expect(identify(Number(stdout))).toBeNull();
  });

  it('holds for a program that has closed its output and lives on', async () => {
    const result = await run('echo bye; exec >&- 2>&-; sleep 60', { timeoutSeconds: 0.3 });
    expect(result).toMatchObject({ timedOut: true, stdout: 'bye\n' });
  });

  it('keeps what was printed until then', async () => {
    const result = await run('echo one; printf two; sleep 60', { timeoutSeconds: 0.5 });
    expect(result).toMatchObject({ timedOut: true, stdout: 'one\ntwo' });
  });

  it('does not touch another command with the same token', async () => {
    const token = randomId();
    const other = run('sleep 1; echo done', { token });
    await run('sleep 60', { token, timeoutSeconds: 0.2 });
    expect(await other).toMatchObject({ exitCode: 0, stdout: 'done\n' });
  });
});

describe('a program that leaves another in the background', () => {
  it('has ended when it has ended, though the other holds its output open; the other lives on', async () => {
    const token = randomId();
    const result = await run('sleep 60 & echo started', { token, timeoutSeconds: 50 });
    expect(result).toMatchObject({ exitCode: 0, timedOut: false, stdout: 'started\n' });
    expect(result.durationMs).toBeLessThan(30_000);
    const [left] = findByEnvironment('SHIPWAY_STEP', (value) => value === token);
    expect(left).toBeDefined();
    if (left) process.kill(left.identity.pid, 'SIGKILL');
  });

  it('does not wait for ever for one that prints all the time', async () => {
    const token = randomId();
    const result = await run('(while :; do echo x; sleep 0.01; done) & echo started', { token, timeoutSeconds: 50 });
    expect(result).toMatchObject({ exitCode: 0, timedOut: false });
    await waitUntil('the printer to end by itself, its pipe being closed', () => marked(token).length === 0);
  });
});

describe('abort', () => {
  it('ends the command and says so', async () => {
    const token = randomId();
    const abort = new AbortController();
    const running = run('sleep 60', { token, signal: abort.signal });
    await waitUntil('the start', () => marked(token).length > 0);
    abort.abort();
    expect(await running).toMatchObject({ aborted: true, timedOut: false, signal: 'SIGTERM' });
    expect(marked(token)).toEqual([]);
  });

  it('before the start runs nothing', async () => {
    const result = await run('touch should-not-be-here', { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ aborted: true, exitCode: null });
    expect(() => statSync(join(folder, 'should-not-be-here'))).toThrow('ENOENT');
  });

  it('after the end changes nothing', async () => {
    const abort = new AbortController();
    const result = await run('exit 0', { signal: abort.signal });
    abort.abort();
    expect(result).toMatchObject({ aborted: false, exitCode: 0 });
  });
});

describe('runCommand on files', () => {
  it('reads stdin from a file and writes stdout to another, bytes as they are and unmasked', async () => {
    const [inputFile, outputFile] = [join(folder, 'in.bin'), join(folder, 'out.bin')];
    const bytes = Buffer.concat([Buffer.from([0, 255, 10, 13]), Buffer.from(SECRET), Buffer.alloc(300_000, 7)]);
    writeFileSync(inputFile, bytes);
    writeFileSync(outputFile, 'x'.repeat(500_000), { mode: 0o644 });
    const result = await run('cat; echo said >&2; exit 3', { inputFile, outputFile });
    expect(result).toMatchObject({ exitCode: 3, stdout: '', stderr: 'said\n' });
    expect(readFileSync(outputFile).equals(bytes)).toBe(true);
    expect(statSync(outputFile).mode & 0o777).toBe(0o600);
  });

  it('refuses an input file that is not there, naming it', async () => {
    const inputFile = join(folder, 'no', 'such.bin');
    const error = await problemOf(run('cat', { inputFile }));
    expect(error.message).toContain('the input file cannot be opened');
    expect(error.where).toBe(inputFile);
  });
});

describe('startDetached', () => {
  it('gives the process a session of its own, no input, and appends to a file for its owner only', async () => {
    const outputFile = join(folder, `${randomId()}.log`);
    writeFileSync(outputFile, 'before\n', { mode: 0o644 });
    const script = 'echo out; echo err >&2; read line || echo no input; ps -o sid= -p $$';
    const id = await startDetached({ argv: ['sh', '-c', script], cwd: folder, environment: { PATH }, outputFile });
    await waitUntil('its end', () => !isAlive(id));
    const [before, out, err, input, session] = readFileSync(outputFile, 'utf8').split('\n');
    expect([before, out, err, input]).toEqual(['before', 'out', 'err', 'no input']);
    expect(Number(session)).toBe(id.pid);
    expect(statSync(outputFile).mode & 0o777).toBe(0o600);
  });

  it('gives an identity also for a program that ends at once', async () => {
    const outputFile = join(folder, `${randomId()}.log`);
    const id = await startDetached({ argv: ['true'], cwd: folder, environment: { PATH }, outputFile });
    expect(id.pid).toBeGreaterThan(0);
    await waitUntil('its end', () => !isAlive(id));
  });

  it('refuses a program and an output file that cannot be', async () => {
    const request = { argv: ['no-such-program'], cwd: folder, environment: { PATH } };
    const outputFile = join(folder, 'x.log');
    expect((await problemOf(startDetached({ ...request, outputFile }))).message).toContain('not found in PATH');
    const nowhere = join(folder, 'no', 'folder', 'x.log');
    expect((await problemOf(startDetached({ ...request, outputFile: nowhere }))).where).toBe(nowhere);
  });

  it('lives on and keeps writing when its starter is killed', async () => {
    const outputFile = join(folder, `${randomId()}.log`);
    const argv = ['sh', '-c', 'while :; do echo tick; sleep 0.05; done'];
    const request = JSON.stringify({ argv, cwd: folder, environment: { PATH }, outputFile });
    const starter = startTypescript(
      `import { startDetached } from '@/src/platform/run-command.ts';
       console.log(JSON.stringify(await startDetached(${request})));
       setInterval(() => undefined, 1000);`,
    );
    const line = await waitUntil('the identity', () => starter.stdout().split('\n').at(-2), { limitSeconds: 25 });
    const id = JSON.parse(line) as { pid: number; startedAt: string };
    starter.child.kill('SIGKILL');
    expect(await starter.ended).toBe('SIGKILL');
    const before = statSync(outputFile).size;
    await waitUntil('more output', () => statSync(outputFile).size > before + 20);
    expect(identify(id.pid)).toEqual(id);
    expect(await stopGroup(id, 5, realClock)).toBe('ended-on-term');
  });

  it.runIf(isRoot)('starts the program as another user', async () => {
    const outputFile = join(folder, `${randomId()}.log`);
    const request = { argv: ['id', '-u'], cwd: '/', environment: { PATH }, outputFile };
    const id = await startDetached({ ...request, uid: 65_534, gid: 65_534 });
    await waitUntil('its end', () => !isAlive(id));
    expect(readFileSync(outputFile, 'utf8')).toBe('65534\n');
  });
});
