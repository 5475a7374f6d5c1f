import { expect, test } from 'vitest';
import { crontabLines, systemdLines, type ScheduleRequest } from './schedule.ts';

const REQUEST: ScheduleRequest = {
  service: 'shop',
  environment: 'production',
  directory: "/srv/it's 100%",
  program: ['/usr/bin/node', '/opt/shipway.js'],
  options: [],
  drillSeconds: null,
};

test('a crontab has a backup a day and a drill a week, with every word as the shell needs it', () => {
  expect(crontabLines(REQUEST)).toEqual([
    '# shop production: daily backup',
    String.raw`17 2 * * * cd '/srv/it'\''s 100\%' && SHIPWAY_ACTOR=cron SHIPWAY_STARTED_BY=automation /usr/bin/node /opt/shipway.js backup create --reason daily --env production --no-color && SHIPWAY_ACTOR=cron SHIPWAY_STARTED_BY=automation /usr/bin/node /opt/shipway.js backup prune --env production --no-color`,
    '# shop production: restore drill',
    String.raw`47 4 * * 0 cd '/srv/it'\''s 100\%' && SHIPWAY_ACTOR=cron SHIPWAY_STARTED_BY=automation /usr/bin/node /opt/shipway.js backup drill --env production --no-color`,
  ]);
});

test.each([
  [7 * 86_400, '47 4 * * 0'],
  [30 * 86_400, '47 4 * * 0'],
  [2 * 86_400, '47 4 * * *'],
  [3600, '47 * * * *'],
])('a drill that is asked for every %d s is never late: %s', (drillSeconds, times) => {
  expect(
    crontabLines({ ...REQUEST, drillSeconds })
      .at(-1)
      ?.startsWith(`${times} cd`),
  ).toBe(true);
});

test('options that were given are those of every command', () => {
  const lines = crontabLines({ ...REQUEST, options: ['--config', '/srv/a b.yaml'] });
  expect(lines[1]?.match(/ --config '\/srv\/a b\.yaml'/g)).toHaveLength(2);
});

test('units of systemd name their files, and a percent sign or a quote in a word means itself', () => {
  const lines = systemdLines({ ...REQUEST, program: ['/a "b"/$x', 'y'] });
  expect(lines.filter((line) => line.startsWith('# '))).toEqual([
    '# /etc/systemd/system/shipway-shop-production-backup.service',
    '# /etc/systemd/system/shipway-shop-production-backup.timer',
    '# /etc/systemd/system/shipway-shop-production-drill.service',
    '# /etc/systemd/system/shipway-shop-production-drill.timer',
  ]);
  expect(lines).toContain("WorkingDirectory=/srv/it's 100%%");
  expect(lines).toContain(String.raw`ExecStart="/a \"b\"/$$x" y backup drill --env production --no-color`);
  expect(lines).toContain('OnCalendar=Sun *-*-* 04:47:00');
});
