import { formatDuration } from './format-duration.ts';
import type { Plan, PlannedStep } from './plan.ts';

/** The plan as lines for a terminal: every phase, step, command, undo and limit, and nothing that is not in the plan. */
export function renderPlan(plan: Plan, digest: string): string[] {
  const from = plan.previous === null ? 'nothing' : `${plan.previous.version} (${plan.previous.release})`;
  const lines = [
    `${plan.kind} ${plan.service} ${plan.version.number} -> ${plan.environment}   type ${plan.releaseType}   live now: ${from}`,
    `plan ${digest}`,
    '',
  ];
  let phase = '';
  for (const { name, steps } of plan.phases) {
    for (const step of steps) {
      lines.push(...renderStep(step, name === phase ? '' : name));
      phase = name;
    }
  }
  lines.push(
    '',
    ...dataLines(plan),
    `automatic rollback: ${plan.automaticRollback.armed ? 'armed' : 'DISARMED'}, ${plan.automaticRollback.why}`,
  );
  lines.push(`time budget: ${formatDuration(plan.timeBudgetSeconds)} at most`);
  for (const warning of plan.warnings) lines.push(`warning: ${warning}`);
  return lines;
}

/** What a rollback does with the data, what that loses, and what else could be done. */
function dataLines({ data }: Plan): string[] {
  if (data === undefined) return [];
  const since = data.since === null ? '' : `, written since ${data.since}`;
  const backup = data.backup === null ? '' : ` ${data.backup}`;
  return [
    `data: ${data.way}${backup}; ${data.loses}${since}`,
    ...data.others.map(
      (one) => `      or --data ${one.way}: ${one.refused === null ? one.loses : `not possible, ${one.refused}`}`,
    ),
  ];
}

function renderStep(step: PlannedStep, phase: string): string[] {
  const indent = ' '.repeat(12);
  const lines = [`  ${phase.padEnd(9)} ${step.title}`];
  for (const command of step.commands) lines.push(`${indent}$ ${commandText(command)}`);
  for (const note of step.notes ?? []) lines.push(`${indent}${note}`);
  if (step.undo !== null) {
    lines.push(`${indent}undo: ${step.undo.title}`);
    for (const command of step.undo.commands) lines.push(`${indent}      $ ${commandText(command)}`);
  }
  lines.push(
    `${indent}${step.reversibility}, at most ${formatDuration(step.limitSeconds)}, on failure: ${step.onFailure}`,
  );
  return lines;
}

/** A command as one line that can be pasted: arguments with blanks or quotes are quoted for a POSIX shell. */
export function commandText(argv: readonly string[]): string {
  return argv
    .map((word, index) => (index === 0 || /^[\w@%+=:,./$-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
