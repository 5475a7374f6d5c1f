import type { Effect } from '../../../platform/effect.ts';
import { startPiped, type PipedProgram } from '../../../platform/piped-program.ts';
import { problem } from '../../../core/release/problem.ts';
import { silent } from '../place-problem.ts';
import type { SftpSettings } from './settings.ts';
import { sshCommand } from './ssh-command.ts';
import { sshProblem } from './ssh-problem.ts';
import { ANSWER, packet, readerOf, REQUEST, type Field, type PacketReader } from './wire.ts';

const VERSION = 3;
const GREETING = -1; // the one answer without a number
const SILENCE_SECONDS = 90; // ssh itself gives up a dead connection after a minute; a full disk may think for a while
const PACKET_BYTES_MAX = 1024 * 1024; // OpenSSH answers with 256 KiB at most

export interface SftpAnswer {
  type: number;
  body: PacketReader;
}

/** One connection. A request that finds it broken throws a Problem that may be tried again; then a new connection is needed. */
export interface SftpSession {
  ask(type: number, fields: readonly Field[]): Promise<SftpAnswer>;
  /** Names of the extensions that the server offers. */
  readonly extensions: ReadonlySet<string>;
  isBroken(): boolean;
  close(): Promise<void>;
}

interface Waiting {
  resolve(answer: SftpAnswer): void;
  reject(error: unknown): void;
}

/** Signs in by the ssh program of this machine, which looks after keys, agent, known hosts and configuration, and speaks SFTP through it. */
export async function openSession(settings: SftpSettings, where: string, effect: Effect): Promise<SftpSession> {
  effect.signal.throwIfAborted();
  const program = await startPiped({
    argv: await sshCommand(settings, effect),
    cwd: effect.projectDirectory,
    environment: effect.environment({}),
  });
  const line = openLine(program, settings, where);
  const onAbort = (): void => line.fail(effect.signal.reason);
  effect.signal.addEventListener('abort', onAbort, { once: true });
  const close = async (): Promise<void> => {
    effect.signal.removeEventListener('abort', onAbort);
    line.fail(new Error('the connection was closed'));
    await program.stop();
  };
  try {
    const extensions = await line.begin();
    return { ask: (type, fields) => line.ask(type, fields), extensions, isBroken: () => line.isBroken(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Line {
  ask(type: number, fields: readonly Field[]): Promise<SftpAnswer>;
  /** The greeting; names of the extensions of the server. */
  begin(): Promise<ReadonlySet<string>>;
  fail(error: unknown): void;
  isBroken(): boolean;
}

/** Requests out, answers in, each to the request that waits for it. */
function openLine(program: PipedProgram, { host, port }: SftpSettings, where: string): Line {
  const { answerTo, settle, fail, isBroken } = waitingRoom(where);
  let number = 0;
  const ended = async (): Promise<void> => {
    await program.ended;
    fail(sshProblem({ stderr: program.stderr(), host, port, where }));
  };
  void readPackets(program.output, (type, id, body) => settle(id, { type, body })).then(ended, fail);
  const send = async (id: number, bytes: Buffer): Promise<SftpAnswer> => {
    const answer = answerTo(id);
    answer.catch(() => undefined); // told to whoever waits for it, also when the writing fails first
    await program.write(bytes);
    return answer;
  };
  return {
    fail,
    isBroken,
    ask(type, fields) {
      number = (number + 1) % 0xffff_ffff;
      return send(number, packet(type, [{ whole: number }, ...fields]));
    },
    async begin() {
      const { body } = await send(GREETING, packet(REQUEST.init, [{ whole: VERSION }]));
      const names = new Set<string>();
      while (!body.isAtEnd()) {
        names.add(body.text());
        body.bytes();
      }
      return names;
    },
  };
}

/** Those who wait for an answer. When nothing is heard for too long, or the connection ends, all of them are told. */
function waitingRoom(where: string) {
  const waiting = new Map<number, Waiting>();
  let fault: unknown = null;
  const fail = (error: unknown): void => {
    fault ??= error;
    for (const one of waiting.values()) one.reject(fault);
    waiting.clear();
  };
  const answerTo = (id: number): Promise<SftpAnswer> =>
    new Promise<SftpAnswer>((resolve, reject) => {
      const timer = setTimeout(() => fail(silent('SFTP', where, SILENCE_SECONDS)), SILENCE_SECONDS * 1000);
      const settled =
        <Value>(act: (value: Value) => void) =>
        (value: Value) => {
          clearTimeout(timer);
          act(value);
        };
      waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
      if (fault !== null) fail(fault);
    });
  const settle = (id: number, answer: SftpAnswer): void => {
    const one = waiting.get(id);
    waiting.delete(id);
    one?.resolve(answer);
  };
  return { answerTo, settle, fail, isBroken: () => fault !== null };
}

/** Cuts the stream into packets; the greeting has no number. */
async function readPackets(
  output: AsyncIterable<Buffer>,
  hand: (type: number, id: number, body: PacketReader) => void,
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of output) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const size = rest.readUInt32BE(0);
      if (size < 1 || size > PACKET_BYTES_MAX) throw notSftp(rest);
      if (rest.length < size + 4) break;
      const type = rest.readUInt8(4);
      const body = readerOf(rest.subarray(5, size + 4));
      if (type === ANSWER.version) {
        body.whole();
        hand(type, GREETING, body);
      } else hand(type, body.whole(), body);
      rest = rest.subarray(size + 4);
    }
  }
}

/** Usually a greeting that the shell of that user prints. */
function notSftp(bytes: Buffer): Error {
  const text = bytes
    .subarray(0, 60)
    .toString('latin1')
    .replace(/[^ -~]/g, '?');
  return problem('backup-failed', `what came back is not SFTP: ${text}`, {
    where: 'backups.copies',
    next: 'The shell of that user prints something when it starts: make it print nothing without a terminal.',
  });
}
