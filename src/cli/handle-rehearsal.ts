import { exitCode } from './exit-codes.ts';
import { plannedLines, rehearsalLines } from './output/rehearsal-lines.ts';
import type { Session } from './session.ts';

export async function rehearse(session: Session, version: string, given: { store?: string }): Promise<number> {
  const { options, screen, terminal } = session;
  const app = await session.app();
  const request = { version, environment: options.env, store: given.store ?? null };
  if (options.dryRun) {
    const { planRehearsal } = await import('../app/plan-rehearsal.ts');
    const { plan, revision, store, backup } = await planRehearsal(app, request);
    const wanted = {
      service: plan.service,
      environment: plan.environment,
      version: plan.version.number,
      revision,
      store: store.name,
      backup: backup.id,
    };
    if (screen.isJson) screen.json({ how: 'would', ...wanted });
    else screen.line(plannedLines(wanted));
    return exitCode('done');
  }
  const { rehearse: act } = await import('../app/rehearse.ts');
  const stop = new AbortController();
  const forget = terminal.onInterrupt(() => stop.abort());
  try {
    const tell = (line: string): void => void (screen.isJson || screen.line(screen.style.faint(line)));
    const rehearsal = await act(app, request, { signal: stop.signal, tell });
    if (screen.isJson) screen.json({ rehearsal });
    else screen.lines(rehearsalLines(screen.style, rehearsal, app.nowMs()));
    return exitCode(rehearsal.outcome === 'passed' ? 'done' : 'failed');
  } finally {
    forget();
  }
}
