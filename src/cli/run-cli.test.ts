import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { App } from '../app/app.ts';
import { problem, type ProblemKind } from '../core/release/problem.ts';
import { mayAsk } from './ask.ts';
import { cliReferencePages } from './command-reference.ts';
import { EXIT_CODES, exitCodeOf, exitCodeOfRelease } from './exit-codes.ts';
import { runCli, type CliWiring } from './run-cli.ts';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  closed: number;
}

/** Runs one command line on an app of which only the named parts exist; anything else it touches is a failure. */
async function run(args: string[], app: Partial<App> = {}, environment: Record<string, string> = {}): Promise<Ran> {
  const out = collector();
  const err = collector();
  let closed = 0;
  const wiring: CliWiring = {
    version: '9.8.7',
    terminal: { stdin: new PassThrough(), stdout: out.stream, stderr: err.stream, environment },
    openApp: async () =>
      ({ ...app, close: async () => void (closed += 1) }) as Awaited<ReturnType<CliWiring['openApp']>>,
    kinds: async () => ({ targets: {}, routers: {}, stores: {}, checks: {}, metrics: {}, migrators: {}, places: {} }),
    runExecutor: async () => 0,
    runDemo: async () => 0,
  };
  const code = await runCli(args, wiring);
  return { code, stdout: out.text(), stderr: err.text(), closed };
}

function collector() {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream, text: () => text };
}

const NOTHING_RELEASED: Partial<App> = { projectDirectory: '/project', existingDatabase: async () => null };

describe('wrong usage ends with 2 and one clear error', () => {
  test.each([
    [['statsu'], "shipway: unknown command 'statsu'", 'Did you mean status?'],
    [['backup', 'lst'], "shipway: unknown command 'lst'", 'Did you mean list?'],
    [['release', '1.0.0', '--evn', 'x'], "shipway: unknown option '--evn'", 'Did you mean --env?'],
    [['release'], "shipway: missing required argument 'version'", 'Give version: version to release, SemVer. See:'],
    [
      ['backup', 'show'],
      "shipway: missing required argument 'id'",
      'Give id: backup as `shipway backup list` names it',
    ],
    [['backup', 'restore'], "shipway: missing required argument 'id'", 'Give id: backup as `shipway backup list`'],
    [['plan', '1.0.0', '2.0.0'], 'shipway: too many arguments', 'See: shipway plan --help'],
    [['rollback'], "shipway: required option '--reason <text>' not specified", 'See: shipway rollback --help'],
    [['rollback', '--reason', 'x', '--quick', '--full'], 'shipway: option', 'See: shipway rollback --help'],
    [['history', '-n', '0'], 'shipway: option', 'See: shipway history --help'],
    [['resume', '--was', 'perhaps'], 'shipway: option', 'See: shipway resume --help'],
    [['qqq'], "shipway: unknown command 'qqq'", 'See: shipway --help'],
    [['resume', '--was', 'done'], 'shipway: --step and --was belong together', 'Write both'],
    [['unlock', 'notes', '--reason', 'x'], 'shipway: nothing is named that could be unlocked', 'Add --env'],
    [
      ['backup', 'pin', 'bk_1'],
      "shipway: required option '--reason <text>' not specified",
      'See: shipway backup pin --help',
    ],
    [
      ['backup', 'pin', 'bk_1', '--reason', ' '],
      "shipway: option '--reason <text>' argument ' ' is invalid. It is empty",
      'See: shipway backup pin --help',
    ],
    [
      ['backup', 'discard', 'r-0001', '--all'],
      'shipway: --all and a name contradict each other',
      'Write one of the two',
    ],
    [['verify', '--anchor', '12:zz'], 'shipway: "12:zz" is not an anchor', 'Write the entry'],
    [['release', '1.0.0', '--speed', '60'], 'shipway: --speed is for tests and the demo', 'Leave it out'],
    [['release', '1.0.0', '--speed', '0'], 'shipway: --speed 0 is not a number', 'Leave it out'],
  ])('%j', async (args, message, next) => {
    const ran = await run(args, NOTHING_RELEASED);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr.split('\n').filter((line) => line.startsWith('shipway:'))).toHaveLength(1);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain(`  next: ${next}`);
  });

  test('no command at all shows the help on stderr', async () => {
    const ran = await run([]);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain('Usage: shipway');
  });

  test('with --json the error is one JSON document on stdout and nothing else', async () => {
    const ran = await run(['statsu', '--json']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toBe('');
    expect(JSON.parse(ran.stdout)).toEqual({
      error: {
        kind: 'usage',
        message: "unknown command 'statsu'",
        where: null,
        next: 'Did you mean status?',
        exitCode: 2,
      },
    });
  });
});

describe('help', () => {
  test('names every command, every exit code and an example, and opens nothing', async () => {
    const ran = await run(['--help']);
    expect(ran.code).toBe(0);
    for (const { code, meaning } of EXIT_CODES) expect(ran.stdout).toContain(`${code}  ${meaning}`);
    expect(ran.stdout).toContain('Example:');
    expect(ran.stdout).not.toContain('engine');
    expect(ran.closed).toBe(0);
  });

  test('of each command has an example, and is in the reference', async () => {
    const pages = cliReferencePages();
    const commands = [...(pages['cli.md'] ?? '').matchAll(/^## shipway (.+)$/gm)].map(([, name]) => name ?? '');
    expect(commands).toHaveLength(40);
    for (const command of commands) {
      const ran = await run([...command.split(' '), '--help']);
      expect(ran.code).toBe(0);
      expect(ran.stdout).toMatch(new RegExp(`Examples?:\\n {2}\\$ shipway ${command}`));
    }
  });

  test('--version prints the version, also behind a command; unlock has its own', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: '9.8.7\n' });
    expect(await run(['status', '--version'])).toMatchObject({ code: 0, stdout: '9.8.7\n' });
    const ran = await run(['unlock', 'notes', '--version', '1.2.0', '--reason', 'x', '--dry-run'], {
      ...NOTHING_RELEASED,
      existingDatabase: async () => ({}) as Awaited<ReturnType<App['database']>>,
    });
    expect(ran).toMatchObject({ code: 0, stdout: 'would let notes 1.2.0 out of quarantine\n' });
  });
});

describe('common options', () => {
  const status: Partial<App> = {
    ...NOTHING_RELEASED,
    nowMs: () => 0,
    releaseFile: async () => {
      throw problem('config-missing', 'none', { next: '' });
    },
  };

  test.each([[['status', '--json']], [['--json', 'status']]])(
    'count before and behind the command: %j',
    async (args) => {
      const ran = await run(args, status);
      expect(ran.code).toBe(0);
      expect(JSON.parse(ran.stdout)).toEqual({
        places: [],
        quarantine: [],
        copies: [],
        missing: [],
        restores: [],
        drills: [],
        executorAlive: false,
        releaseFileProblem: null,
        now: '1970-01-01T00:00:00.000Z',
        needsYou: [],
      });
      expect(ran.closed).toBe(1);
    },
  );

  test('an act that fails closes what was opened, and says what failed and what to do next', async () => {
    const ran = await run(['status'], {
      ...status,
      existingDatabase: async () => {
        throw problem('database-unavailable', 'the database cannot be used', { where: 'db', next: 'Start it.' });
      },
    });
    expect(ran).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'shipway: the database cannot be used\n  where: db\n  next: Start it.\n',
      closed: 1,
    });
  });

  test('a release file with mistakes is told by status, and not taken for none', async () => {
    const ran = await run(['status'], {
      ...status,
      releaseFile: async () => {
        throw problem('config-invalid', 'shipway.yaml:2:1 mistake\nshipway.yaml:3:1 another', { next: '' });
      },
    });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('  shipway.yaml:2:1 mistake\n  shipway.yaml:3:1 another\n');
    expect(ran.stdout).not.toContain('shipway init');
  });

  test('history without a match says whether that is because nothing was released or because of the filter', async () => {
    expect((await run(['history'], status)).stdout).toContain('next: shipway release VERSION');
    expect((await run(['history', '--of', '9.9.9'], status)).stdout).toContain(
      'next: leave out service, --env and --of',
    );
  });

  test('the demo with --json is refused as JSON, its dry run is one document', async () => {
    expect(JSON.parse((await run(['demo', '--dry-run', '--json'])).stdout)).toMatchObject({ how: 'would' });
    const ran = await run(['demo', '--json']);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { kind: 'usage' } });
  });

  test('nothing is coloured without a terminal', async () => {
    const ran = await run(['status'], status);
    expect(ran.stdout).not.toContain('\u001b');
  });
});

describe('a reader that goes away', () => {
  test('ends nothing and throws nothing', async () => {
    const broken = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const wiring = {
      version: '1.0.0',
      terminal: { stdin: new PassThrough(), stdout: broken, stderr: collector().stream, environment: {} },
    } as unknown as CliWiring;
    expect(await runCli(['--help'], wiring)).toBe(0);
  });
});

describe('questions', () => {
  const person = { isTty: { stdin: true, stdout: true, stderr: true }, environment: {} };

  test('are asked only where a person can read and answer', () => {
    const options = { input: true, json: false };
    expect(mayAsk(person, options, false)).toBe(true);
    expect(mayAsk({ ...person, isTty: { ...person.isTty, stdin: false } }, options, false)).toBe(false);
    expect(mayAsk({ ...person, isTty: { ...person.isTty, stderr: false } }, options, false)).toBe(false);
    expect(mayAsk(person, { ...options, input: false }, false)).toBe(false);
    expect(mayAsk(person, { ...options, json: true }, false)).toBe(false);
    expect(mayAsk(person, options, true)).toBe(false);
  });

  test('where nobody can be asked the command ends with 3, names the flag and changes nothing', async () => {
    const ran = await run(['unlock', 'notes', '--env', 'production', '--reason', 'x'], {
      ...NOTHING_RELEASED,
      existingDatabase: async () => ({}) as Awaited<ReturnType<App['database']>>,
    });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('--yes');
  });
});

describe('exit codes', () => {
  test.each<[ProblemKind, number]>([
    ['usage', 2],
    ['config-invalid', 2],
    ['variable-missing', 2],
    ['prompt-needed', 3],
    ['not-permitted', 4],
    ['refused', 30],
    ['stopped', 22],
    ['tampering', 40],
    ['internal', 1],
    ['database-unavailable', 1],
  ])('a problem of kind %s is %i', (kind, code) => expect(exitCodeOf(kind)).toBe(code));

  const end = { kind: 'release' as const, cause: null, isGoingBack: false };
  const refused = { kind: 'refused' as const, message: '', where: null, next: '' };
  test.each([
    [{ ...end, state: 'stable' as const }, 0],
    [{ ...end, state: 'rolled-back' as const }, 20],
    [{ ...end, kind: 'rollback' as const, state: 'rolled-back' as const, isGoingBack: true }, 0],
    [{ ...end, state: 'needs-human' as const }, 1],
    [{ ...end, state: 'needs-human' as const, isGoingBack: true }, 21],
    [{ ...end, state: 'cancelled' as const }, 22],
    [{ ...end, state: 'cancelled' as const, cause: refused }, 30],
  ])('of a release: %j is %i', (release, code) => expect(exitCodeOfRelease(release)).toBe(code));
});
