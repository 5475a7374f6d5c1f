/** What a schedule does, and how often. */
export interface ScheduleRequest {
  service: string;
  environment: string;
  /** Absolute: where the commands are run. */
  directory: string;
  /** The words by which this program is started: `node`, and its file. */
  program: string[];
  /** Options that every command gets. */
  options: string[];
  /** How often a drill is asked for; null: nobody says. */
  drillSeconds: number | null;
}

interface Job {
  name: string;
  what: string;
  /** Five fields of cron. */
  cron: string;
  /** The same for a timer of systemd. */
  calendar: string;
  /** Run one after the other, each when the one before ended well. */
  commands: string[][];
}

const DAY_SECONDS = 86_400;

/** Not at the full hour, when everybody's jobs run; the drill when the backup is long over. */
const TIMES = {
  backup: { cron: '17 2 * * *', calendar: '*-*-* 02:17:00' },
  hourly: { cron: '47 * * * *', calendar: '*-*-* *:47:00' },
  daily: { cron: '47 4 * * *', calendar: '*-*-* 04:47:00' },
  weekly: { cron: '47 4 * * 0', calendar: 'Sun *-*-* 04:47:00' },
};

/** A backup a day and what no rule keeps into the trash; a restore drill as often as it is asked for, once a week when nobody says. */
function jobsOf({ environment, drillSeconds, options }: ScheduleRequest): Job[] {
  const env = ['--env', environment, '--no-color', ...options];
  const backup = [
    ['backup', 'create', '--reason', 'daily', ...env],
    ['backup', 'prune', ...env],
  ];
  const drill = [['backup', 'drill', ...env]];
  const every = drillSeconds ?? 7 * DAY_SECONDS;
  const rhythm = every >= 7 * DAY_SECONDS ? TIMES.weekly : every >= DAY_SECONDS ? TIMES.daily : TIMES.hourly;
  return [
    { name: 'backup', what: 'daily backup', ...TIMES.backup, commands: backup },
    { name: 'drill', what: 'restore drill', ...rhythm, commands: drill },
  ];
}

/** Lines for `crontab -e`. What a job prints is mailed by cron; it ends with another code than 0 when something is wrong. */
export function crontabLines(request: ScheduleRequest): string[] {
  const { directory, program, service, environment } = request;
  return jobsOf(request).flatMap(({ cron, what, commands }) => {
    const line = commands
      .map(
        (words) =>
          `SHIPWAY_ACTOR=cron SHIPWAY_STARTED_BY=automation ${[...program, ...words].map(shellWord).join(' ')}`,
      )
      .join(' && ');
    // In a crontab a percent sign ends the line.
    const text = `cd ${shellWord(directory)} && ${line}`.replaceAll('%', String.raw`\%`);
    return [`# ${service} ${environment}: ${what}`, `${cron} ${text}`];
  });
}

/** One word for a shell, whatever is in it. */
function shellWord(text: string): string {
  return /^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Units of systemd, each below the name of its file. */
export function systemdLines(request: ScheduleRequest): string[] {
  const { directory, program, service, environment } = request;
  return jobsOf(request).flatMap(({ name, what, calendar, commands }) => {
    const unit = `shipway-${service}-${environment}-${name}`;
    return [
      `# /etc/systemd/system/${unit}.service`,
      '[Unit]',
      `Description=${what} of ${service} ${environment}`,
      '[Service]',
      'Type=oneshot',
      `WorkingDirectory=${directory.replaceAll('%', '%%')}`,
      'Environment=SHIPWAY_ACTOR=systemd SHIPWAY_STARTED_BY=automation',
      ...commands.map((words) => `ExecStart=${[...program, ...words].map(unitWord).join(' ')}`),
      '',
      `# /etc/systemd/system/${unit}.timer`,
      '[Unit]',
      `Description=${what} of ${service} ${environment}`,
      '[Timer]',
      `OnCalendar=${calendar}`,
      'Persistent=true',
      '[Install]',
      'WantedBy=timers.target',
      '',
    ];
  });
}

/** One word for systemd, where `%` and `$` begin something else. */
function unitWord(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:@=+%$-]+$/.test(plain) ? plain : `"${plain.replace(/[\\"]/g, String.raw`\$&`)}"`;
}
