import type { FollowEvent } from '../app/follow-release.ts';
import type { ReleaseView } from '../app/release-view.ts';
import type { App } from '../app/app.ts';
import { exitCode, exitCodeOfRelease } from './exit-codes.ts';
import type { Session } from './session.ts';

export interface FollowWish {
  id: string;
  /** Leaves as soon as the release waits for a person, or its gates are behind it, instead of staying to the end. */
  detach: boolean;
  /** For an act that asked for this end: cancelled or rolled back is what was wanted. */
  endings?: 'as asked';
}

const TICK_MS = 1000; // the live line counts seconds

/**
 * Follows a release and returns the exit code of its end. Ctrl-C leaves it running (130) and says how to come back; a second one
 * quits at once.
 */
export async function follow(session: Session, wish: FollowWish): Promise<number> {
  const { followRelease } = await import('../app/follow-release.ts');
  const app = await session.app();
  const leaving = new AbortController();
  const stopListening = listenForLeaving(session, leaving);
  const show = await presenter(session, app);
  const timer = setInterval(() => show.tick(), TICK_MS);
  let last: ReleaseView | null = null;
  try {
    for await (const event of followRelease(app, wish.id, leaving.signal)) {
      if (leaving.signal.aborted) break;
      show.show(event);
      if ('release' in event) last = event.release;
      if (event.event === 'end') return codeOfEnd(event.release, wish);
      if (wish.detach && last !== null && isPastGates(last, event)) return detached(session, last);
    }
  } finally {
    clearInterval(timer);
    stopListening();
    session.screen.live(null);
  }
  sayHowToReturn(session, wish.id, last);
  return exitCode('detached');
}

function listenForLeaving(session: Session, leaving: AbortController): () => void {
  const { terminal, screen } = session;
  const leave = (): void => leaving.abort();
  screen.closed.addEventListener('abort', leave);
  const stop = terminal.onInterrupt(() => {
    if (leaving.signal.aborted) terminal.exit(exitCode('detached'));
    leave();
  });
  return () => {
    stop();
    screen.closed.removeEventListener('abort', leave);
  };
}

async function presenter(session: Session, app: App): Promise<{ show(event: FollowEvent): void; tick(): void }> {
  const { screen } = session;
  if (screen.isJson) return { show: (event) => screen.json(jsonEvent(event), 'line'), tick: () => undefined };
  const { createFollowScreen } = await import('./output/follow-screen.ts');
  return createFollowScreen(screen, () => app.nowMs());
}

/** Programs get the same events; the last one is the summary, with the exit code. */
function jsonEvent(event: FollowEvent): object {
  return event.event === 'end' ? { ...event, exitCode: exitCodeOfRelease(event.release) } : event;
}

function codeOfEnd(release: ReleaseView, wish: FollowWish): number {
  const wanted = release.state === 'rolled-back' || release.state === 'cancelled';
  return wish.endings === 'as asked' && wanted ? exitCode('done') : exitCodeOfRelease(release);
}

/** Whether nobody has to say anything any more before the release changes something. */
function isPastGates(release: ReleaseView, event: FollowEvent): boolean {
  if (release.state === 'waiting') return true;
  if (event.event !== 'step') return false;
  const { phase, state } = event.step;
  // Whoever comes second is refused by the lock: only the end says so, with its own exit code.
  if (phase === 'lock') return state === 'finished';
  return phase !== 'prepare' && phase !== 'gate' && state !== 'failed';
}

function detached(session: Session, release: ReleaseView): number {
  const { screen } = session;
  const waits = release.state === 'waiting';
  const code = exitCode(waits ? 'waiting' : 'done');
  if (screen.isJson) screen.json({ event: 'detached', release, exitCode: code }, 'line');
  else screen.line(`${release.id} goes on in the background; return: shipway attach ${release.id}`);
  return code;
}

function sayHowToReturn(session: Session, id: string, last: ReleaseView | null): void {
  if (session.screen.isJson) {
    session.screen.json({ event: 'detached', release: last, exitCode: exitCode('detached') }, 'line');
  }
  session.screen.note(`Detached. ${id} goes on in the background.`);
  session.screen.note(`  return: shipway attach ${id}      stop it: shipway abort ${id}`);
}
