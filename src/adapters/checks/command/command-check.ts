import type { Json } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import { redact } from '../../../platform/redact.ts';
import { resolveCommand } from '../../../platform/resolve-command.ts';
import { runCommand, type CommandResult } from '../../../platform/run-command.ts';
import type { Check, CheckResult, CheckSubject } from '../check.ts';
import { notMeasured, notMeasuredBecause } from '../not-measured.ts';
import type { CommandCheckSettings } from './settings.ts';

const LINES_KEPT = 20; // as much as fits on a screen; the reason is nearly always among the last lines
const LINE_LENGTH_MAX = 300; // a sentence stays a sentence even when a program prints one endless line

/** Runs a program and looks at its exit code and output. A program that cannot be started says nothing about the service. */
export function openCommandCheck(checkedSettings: Json): Check {
  const settings = checkedSettings as unknown as CommandCheckSettings;
  return {
    kind: 'command',
    describe: () => describe(settings),
    measure: (subject, limitSeconds, effect) => measure(settings, { subject, limitSeconds, effect }),
  };
}

function describe(settings: CommandCheckSettings): string {
  const exit = settings.expectExit === 0 ? '' : ` exits with ${settings.expectExit}`;
  const output = settings.expectOutput === null ? '' : ` prints /${settings.expectOutput}/`;
  return `${settings.argv.join(' ')}${exit}${exit !== '' && output !== '' ? ' and' : ''}${output}`;
}

interface Measuring {
  subject: CheckSubject;
  limitSeconds: number;
  effect: Effect;
}

async function measure(
  settings: CommandCheckSettings,
  { subject, limitSeconds, effect }: Measuring,
): Promise<CheckResult> {
  const shown = settings.argv.join(' ');
  try {
    const command = resolveCommand(settings, subject, effect);
    const result = await runCommand({
      ...command,
      timeoutSeconds: limitSeconds,
      signal: effect.signal,
      token: effect.token,
    });
    const expectOutput = settings.expectOutput === null ? null : boundPattern(settings.expectOutput, subject);
    return judgeResult({ ...settings, expectOutput }, result, limitSeconds);
  } catch (error) {
    return notMeasuredBecause(error, shown);
  }
}

function judgeResult(settings: CommandCheckSettings, result: CommandResult, limitSeconds: number): CheckResult {
  const shown = settings.argv.join(' ');
  const { durationMs, exitCode, signal, timedOut } = result;
  if (result.aborted) return notMeasured(`${shown} was stopped before its end`, durationMs);
  const lines = lastLines(result);
  const measured = { exitCode, signal, timedOut, output: lines };
  const fail = (reason: string): CheckResult => {
    const last = lines.at(-1);
    const sentence = redact(`${shown} ${reason}${last === undefined ? '' : `: ${last}`}`);
    return { outcome: 'fail', sentence, measured, durationMs };
  };
  if (timedOut) return fail(`did not end within ${limitSeconds} s`);
  if (exitCode === null) return fail(`was ended by ${signal ?? 'a signal'}, expected exit code ${settings.expectExit}`);
  if (exitCode !== settings.expectExit) return fail(`exited with ${exitCode}, expected ${settings.expectExit}`);
  const isExpected =
    settings.expectOutput === null ||
    new RegExp(settings.expectOutput, 'mu').test(`${result.stdout}\n${result.stderr}`);
  if (!isExpected) return fail(`printed nothing that matches /${settings.expectOutput}/`);
  return { outcome: 'pass', sentence: redact(`${shown} exited with ${exitCode}`), measured, durationMs };
}

/** Puts the known values ($VERSION …) into the pattern, each for exactly itself; any other `$` keeps its meaning as the end of a line. */
function boundPattern(pattern: string, subject: CheckSubject): string {
  const literal = Object.entries(subject).map(
    ([name, value]) => [name, value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')] as const,
  );
  return literal.reduce(
    (bound, [name, value]) => bound.replaceAll(new RegExp(`\\$(${name}\\b|\\{${name}\\})`, 'g'), () => value),
    pattern,
  );
}

function lastLines({ stdout, stderr }: CommandResult): string[] {
  const lines = `${stdout}\n${stderr}`
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  return lines.slice(-LINES_KEPT).map((line) => line.slice(0, LINE_LENGTH_MAX));
}
