import type { Ended } from './run-shipway.ts';
import { said, type ServiceProject } from './service-project.ts';

/** What `--yes` alone was told, and how the command ended when it said what it loses. */
export interface AcceptedLoss {
  asked: string;
  ended: Ended;
}

/** Runs a command that throws data away as somebody without a terminal has to: first without, then with the time that was shown. */
export async function acceptLoss(
  project: Pick<ServiceProject, 'shipway'>,
  args: readonly string[],
  options: Parameters<ServiceProject['shipway']>[1] = {},
): Promise<AcceptedLoss> {
  const asked = said(3, await project.shipway([...args, '--yes'], options));
  const since = /add --yes-lose-data-since (\S+)/.exec(asked)?.[1];
  if (since === undefined) throw new Error(`no time was shown:\n${asked}`);
  return { asked, ended: await project.shipway([...args, '--yes-lose-data-since', since], options) };
}
