import type { StatementFault, StatementTry } from '../../../core/rehearsal/old-version.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import type { ScratchStatements } from '../store.ts';
import { withSession, type Session, type SessionRequest } from './session.ts';

/** By this name the look at the locks tells the tries from the migration. */
export const TRIES_NAME = 'shipway statements';

const CONNECTIONS_MAX = 8; // a server has 100 by default; more statements take turns
const PAUSE_MIN_MS = 5;
const END_LIMIT_MS = 5000; // once the migration is over its locks are gone; whoever waits longer waits for something else

type Request = SessionRequest & { database: string };

/** Statements on one scratch database, each in a transaction of its own, with the settings that a service would have. */
export function statementsOn(request: Request): ScratchStatements {
  const each = <Result>(
    texts: readonly string[],
    effect: Effect,
    act: (session: Session, text: string) => Promise<Result>,
  ): Promise<Result[]> =>
    withService({ ...request, effect }, async (session) => {
      const results: Result[] = [];
      for (const text of texts) results.push(await act(session, text));
      return results;
    });
  return {
    plan: (texts, effect) => each(texts, effect, plan),
    attempt: (texts, effect) => each(texts, effect, (session, text) => attempt(session, text, 'ROLLBACK')),
    perform: (texts, effect) => each(texts, effect, (session, text) => attempt(session, text, 'COMMIT')),
    beside: (probe, act, effect) => beside({ ...request, effect }, probe, act),
  };
}

function withService<Result>(request: Request, use: (session: Session) => Promise<Result>): Promise<Result> {
  return withSession(request, async (session) => {
    await session.query('RESET ALL');
    await session.query(`SET application_name = '${TRIES_NAME}'`);
    return use(session);
  });
}

async function plan(session: Session, text: string): Promise<StatementFault | null> {
  const { fault } = await attempt(session, `PREPARE shipway_statement AS ${text}`, 'ROLLBACK');
  // A prepared statement outlives the transaction in which it was made.
  if (fault === null) await session.query('DEALLOCATE shipway_statement');
  return fault;
}

async function attempt(session: Session, text: string, end: 'ROLLBACK' | 'COMMIT'): Promise<StatementTry> {
  await session.query('BEGIN');
  const sinceMs = performance.now();
  const since = (): number => performance.now() - sinceMs;
  try {
    await session.query(text);
    const ms = since();
    // A constraint that is looked at when the transaction ends would never be looked at in one that is taken back.
    await session.query('SET CONSTRAINTS ALL IMMEDIATE');
    await session.query(end);
    return { ms, fault: null };
  } catch (error) {
    const fault = faultOf(error);
    if (fault === null) throw error;
    const ms = since();
    await session.query('ROLLBACK');
    return { ms, fault };
  }
}

const KINDS: Record<string, StatementFault['kind']> = {
  '42703': 'missing',
  '42P01': 'missing',
  '42883': 'missing',
  '3F000': 'missing',
  '42704': 'missing',
  '23502': 'missing-value',
  P0001: 'rejected',
  '42804': 'other-type',
  '22P02': 'other-type',
  '22001': 'other-type',
  '22003': 'other-type',
  '42846': 'other-type',
};
const CONSTRAINT_CLASS = '23';
const CONNECTION_CLASSES = ['08', '57', '53', '58', 'XX'];

/** What the server says against the statement; null when it is the server or the connection that failed. */
function faultOf(error: unknown): StatementFault | null {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (!/^[0-9A-Z]{5}$/.test(code)) return null;
  const group = code.slice(0, 2);
  if (CONNECTION_CLASSES.includes(group) && code !== '57014') return null;
  return { kind: KINDS[code] ?? (group === CONSTRAINT_CLASS ? 'rejected' : 'other'), message };
}

/** Every statement goes on being tried until the act is over; one that waits then is given the time that a lock needs to be let go. */
async function beside<Result>(
  request: Request,
  { texts, everyMs }: { texts: readonly string[]; everyMs: number },
  act: () => Promise<Result>,
): Promise<{ result: Result; tries: StatementTry[][] }> {
  const tries: StatementTry[][] = texts.map(() => []);
  const state = { isOver: false };
  const ending = new AbortController();
  const effect = { ...request.effect, signal: ending.signal };
  const shares = sharesOf(texts.length);
  let ready = 0;
  const working = shares.map((share) =>
    withService({ ...request, effect }, async (session) => {
      ready += 1;
      while (!state.isOver) {
        const sinceMs = performance.now();
        for (const index of share) {
          if (state.isOver) break;
          const tried = await attempt(session, texts[index] ?? '', 'ROLLBACK');
          // Ended by us because it waited too long for something else.
          if (!ending.signal.aborted) tries[index]?.push(tried);
        }
        await effect.clock.sleep(Math.max(PAUSE_MIN_MS, everyMs - (performance.now() - sinceMs)));
      }
    }),
  );
  const all = Promise.allSettled(working);
  await Promise.race([all, untilReady(() => ready === shares.length, effect)]);
  const result = await act();
  state.isOver = true;
  await Promise.race([all, effect.clock.sleep(END_LIMIT_MS, ending.signal).catch(() => undefined)]);
  ending.abort();
  const failed = (await all).find((one) => one.status === 'rejected');
  if (failed !== undefined && !request.effect.signal.aborted && tries.some((one) => one.length === 0)) {
    throw failed.reason;
  }
  return { result, tries };
}

const READY_LIMIT_MS = 10_000; // as long as a connection may take

/** A short migration would be over before the first try. */
async function untilReady(isReady: () => boolean, effect: Effect): Promise<void> {
  const giveUpAtMs = performance.now() + READY_LIMIT_MS;
  while (!isReady() && performance.now() < giveUpAtMs) await effect.clock.sleep(PAUSE_MIN_MS);
}

/** Which statements each connection tries. */
function sharesOf(count: number): number[][] {
  const connections = Math.min(count, CONNECTIONS_MAX);
  const all = Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: connections }, (_, at) => all.filter((index) => index % connections === at));
}
