import type { App } from '../app/app.ts';
import type { PlanReleaseRequest, PlanView } from '../app/plan-release.ts';
import { problem } from '../core/release/problem.ts';
import { exitCode } from './exit-codes.ts';
import { follow } from './follow.ts';
import type { Session } from './session.ts';

/** The options of `shipway release` as typed. */
export interface ReleaseOptions {
  type: string;
  reason?: string;
  commit?: string;
  keepEnvironment?: boolean;
  plan?: string;
  automation?: boolean;
  detach?: boolean;
  speed: string;
}

/** Plans and starts a release, then follows it; with --dry-run it prints the plan instead. */
export async function release(session: Session, version: string, given: ReleaseOptions): Promise<number> {
  const speed = readSpeed(given.speed, session.terminal.environment);
  const app = await actingApp(session, given.automation === true);
  const request = readRequest(session, version, given);
  if (session.options.dryRun) {
    const { planRelease } = await import('../app/plan-release.ts');
    return printPlan(session, await planRelease(app, request, await app.existingDatabase()));
  }
  const { startRelease } = await import('../app/start-release.ts');
  const started = await startRelease(app, { ...request, expectedPlan: given.plan ?? null, speed });
  if (started.continued && !session.screen.isJson) {
    session.screen.line(`${started.id} was not finished, and nobody ran it any more: it goes on where it stopped.`);
  }
  return follow(session, { id: started.id, detach: given.detach === true });
}

/** What `plan` and `release` ask for, from the words on the command line. */
export function readRequest(
  session: Session,
  version: string,
  given: Pick<ReleaseOptions, 'type' | 'reason' | 'commit' | 'keepEnvironment'>,
): PlanReleaseRequest {
  return {
    version,
    environment: session.options.env,
    releaseType: given.type,
    reason: given.reason ?? null,
    commit: given.commit ?? null,
    keepEnvironment: given.keepEnvironment === true,
  };
}

/** Prints the plan, and what stands in its way; exit code 30 when something does. */
export async function printPlan(session: Session, view: PlanView): Promise<number> {
  const { screen } = session;
  const { plan, digest, refusal, rehearsal, loss, fileWarnings } = view;
  if (screen.isJson) {
    const { problemRecord } = await import('../core/release/problem.ts');
    const refused = refusal === null ? null : problemRecord(refusal);
    screen.json({ digest, plan, refusal: refused, rehearsal, ...(loss === undefined ? {} : { loss }), fileWarnings });
  } else {
    const { planLines } = await import('./output/plan-lines.ts');
    screen.lines(planLines(screen.style, view));
  }
  return exitCode(refusal === null ? 'done' : 'refused');
}

/** CI never changes what a command means: whether a program acts alone is said with --automation. */
async function actingApp(session: Session, automation: boolean): Promise<App> {
  const app = await session.app();
  return automation ? { ...app, startedBy: 'automation' } : app;
}

function readSpeed(text: string, environment: Record<string, string | undefined>): number {
  const speed = Number(text);
  if (!Number.isFinite(speed) || speed < 1) {
    throw problem('usage', `--speed ${text} is not a number from 1 on`, { next: 'Leave it out.' });
  }
  if (speed !== 1 && environment['SHIPWAY_ALLOW_SPEED'] !== '1') {
    throw problem('usage', '--speed is for tests and the demo', {
      next: 'Leave it out: a watch that runs faster than time proves nothing.',
    });
  }
  return speed;
}
