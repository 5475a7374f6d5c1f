import { crontabLines, systemdLines } from '../core/backup/schedule.ts';
import type { App } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';

export interface ScheduleWish {
  environment: string | null;
  as: 'cron' | 'systemd';
  /** The words that start this program. */
  program: string[];
  /** Options that every command gets. */
  options: string[];
}

/** The lines that let a schedule of the machine take, prune and prove the backups of an environment. Changes nothing. */
export async function planSchedule(app: App, { environment, as, program, options }: ScheduleWish): Promise<string[]> {
  const { config } = await app.releaseFile();
  const { name } = chooseEnvironment(config, environment);
  const request = {
    service: config.service,
    environment: name,
    directory: app.projectDirectory,
    program,
    options,
    drillSeconds: config.backups.drillSeconds,
  };
  return as === 'cron' ? crontabLines(request) : systemdLines(request);
}
