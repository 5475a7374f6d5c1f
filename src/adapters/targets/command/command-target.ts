import { bindVariables } from '../../../core/release/bind-variables.ts';
import type { Json } from '../../../core/release/json.ts';
import { isProblem, problem, type Problem } from '../../../core/release/problem.ts';
import type { Instance } from '../../../core/release/version.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import { howItEnded, lastLinesOf } from '../../../platform/run-declared-command.ts';
import { WHOLE_SERVICE } from '../components-of.ts';
import type { StopReport, Target, Want } from '../target.ts';
import { readDeployRecord, writeAttempt, type DeployRecord, type DeployScope } from './deploy-record.ts';
import { parseObservedVersion, type ObservedVersion } from './parse-observed-version.ts';
import { runTargetCommand, type TargetCommand } from './run-target-command.ts';
import type { CommandSettings } from './settings.ts';

/** What a version that was deployed without shipway has for a release. */
const OUTSIDE = 'outside';

/**
 * Deploys by the project's own commands, in place. `apply` runs the deploy command once per release, and again when an attempt was cut
 * short: that this is harmless is the command's promise (`repeatable`); where it does not promise it, the caller has asked a person before.
 */
export function openCommandTarget(checkedSettings: Json, scope: DeployScope): Target {
  const settings = checkedSettings as unknown as CommandSettings;
  async function observe(effect: Effect): Promise<Instance[]> {
    const seen = await observeVersion(settings, scope, effect);
    return seen === 'none' ? [] : [instanceOf(seen, await readDeployRecord(scope, effect), scope)];
  }
  return {
    kind: 'command',
    placement: 'in-place',
    repeatable: settings.repeatable,
    observe,
    commandsFor: (want) => ({
      apply: [boundArgv(deployCommand(settings, want)), settings.observe],
      revert: [boundArgv(revertCommand(settings, want)), settings.observe],
    }),
    async apply(want, effect) {
      const record = await readDeployRecord(scope, effect);
      if (record?.attempt.release === want.release && record.attempt.state === 'deployed') {
        const running = await observe(effect);
        if (running.some((instance) => instance.version === want.version)) return running;
      }
      await deploy(settings, scope, want, effect);
      return observe(effect);
    },
    revert: (want, effect) => revert(settings, scope, want, effect),
    async stop(instances) {
      // In place there is nothing beside the running version to stop, and stopping that one is not what deploy commands can do.
      return instances.map(({ id }): StopReport => ({ instance: id, how: 'was-gone', seconds: 0 }));
    },
    logs: async () => [],
    memoryShare: async (instances) => Object.fromEntries(instances.map(({ id }) => [id, null])),
  };
}

async function deploy(settings: CommandSettings, scope: DeployScope, want: Want, effect: Effect): Promise<void> {
  const attempt = { version: want.version, release: want.release };
  await writeAttempt(scope, { ...attempt, state: 'deploying' }, effect);
  await gap('command.recorded');
  await runToSuccess(deployCommand(settings, want), settings, want.version, effect);
  await gap('command.deployed');
  await demandVersion(want.version, 'deploy', { settings, scope }, effect);
  await writeAttempt(scope, { ...attempt, state: 'deployed' }, effect);
}

async function revert(
  settings: CommandSettings,
  scope: DeployScope,
  want: Want,
  effect: Effect,
): Promise<StopReport[]> {
  const startedMs = effect.clock.nowMs();
  const before = want.previousVersion;
  const instance = idOf(scope, want.release);
  if (await isReverted(settings, scope, want, effect)) return [{ instance, how: 'was-gone', seconds: 0 }];
  if (before === null && settings.revert === null) throw nothingBefore(want);
  const attempt = { version: before ?? '', release: want.release };
  await writeAttempt(scope, { ...attempt, state: 'reverting' }, effect);
  await gap('command.revert-recorded');
  await runToSuccess(revertCommand(settings, want), settings, before ?? 'nothing', effect);
  await gap('command.reverted');
  if (before !== null) await demandVersion(before, 'revert', { settings, scope }, effect);
  await writeAttempt(scope, { ...attempt, state: 'reverted' }, effect);
  return [{ instance, how: 'ended-on-term', seconds: Math.max(0, (effect.clock.nowMs() - startedMs) / 1000) }];
}

async function isReverted(settings: CommandSettings, scope: DeployScope, want: Want, effect: Effect): Promise<boolean> {
  const record = await readDeployRecord(scope, effect);
  const wasReverted = record?.attempt.release === want.release && record.attempt.state === 'reverted';
  // The version before answering is no proof that nothing was changed: a deploy may have died half-way through its files.
  if (!wasReverted && want.previousVersion !== null) return false;
  try {
    return versionIn(await observeVersion(settings, scope, effect)) === want.previousVersion;
  } catch (error) {
    // A half deployed version may break the observe command itself; going back is the way out of that.
    if (isProblem(error) && error.kind === 'cannot-tell') return false;
    throw error;
  }
}

function nothingBefore(want: Want): Problem {
  return problem('target-failed', `${want.version} cannot be taken back: nothing was deployed before it`, {
    where: 'target.command.revert',
    next: 'Take it down by hand, or write a "revert" command that does so when $PREVIOUS_VERSION is empty.',
  });
}

async function runToSuccess(
  command: TargetCommand,
  settings: CommandSettings,
  version: string,
  effect: Effect,
): Promise<void> {
  const result = await runTargetCommand(command, settings, effect);
  if (result.exitCode === 0) return;
  throw problem(
    'target-failed',
    `${command.name} of ${version} failed with ${howItEnded(result)}${lastLinesOf(result)}`,
    {
      where: `target.command.${command.name}`,
      next: `Correct what the ${command.name} command says and release again.`,
    },
  );
}

/** A command that says it succeeded proves nothing; what runs does. */
async function demandVersion(
  version: string,
  name: string,
  { settings, scope }: { settings: CommandSettings; scope: DeployScope },
  effect: Effect,
): Promise<void> {
  const seen = await observeVersion(settings, scope, effect);
  if (versionIn(seen) === version) return;
  const runs = versionIn(seen) === null ? 'nothing runs' : `${versionIn(seen)} runs`;
  throw problem('target-failed', `${name} of ${version} ended with success, but ${runs}`, {
    where: `target.command.${name}`,
    next: 'Let the command wait until the version has taken over, or correct the observe command.',
  });
}

async function observeVersion(
  settings: CommandSettings,
  scope: DeployScope,
  effect: Effect,
): Promise<Exclude<ObservedVersion, 'unreadable'>> {
  const command: TargetCommand = { name: 'observe', argv: settings.observe, bindings: bindingsOf(scope) };
  const result = await runTargetCommand(command, settings, effect);
  const seen = result.exitCode === 0 ? parseObservedVersion(result.stdout) : 'unreadable';
  if (seen !== 'unreadable') return seen;
  throw problem(
    'cannot-tell',
    `observe does not tell which version of ${scope.service} runs: ${howItEnded(result)}${lastLinesOf(result)}`,
    {
      where: 'target.command.observe',
      next: 'Let it print the version as its last line, or `none` when nothing is deployed, and end with exit code 0.',
      retry: true,
    },
  );
}

function deployCommand(settings: CommandSettings, want: Want): TargetCommand {
  const bindings = {
    ...bindingsOf(want),
    VERSION: want.version,
    PREVIOUS_VERSION: want.previousVersion ?? '',
    RELEASE: want.release,
  };
  return { name: 'deploy', argv: settings.deploy, bindings };
}

function revertCommand(settings: CommandSettings, want: Want): TargetCommand {
  const previous = want.previousVersion ?? '';
  const { bindings } = deployCommand(settings, want);
  if (settings.revert !== null) return { name: 'revert', argv: settings.revert, bindings };
  return {
    name: 'revert',
    argv: settings.deploy,
    bindings: { ...bindings, VERSION: previous, PREVIOUS_VERSION: want.version },
  };
}

function bindingsOf(scope: DeployScope): Record<string, string> {
  return { SERVICE: scope.service, ENVIRONMENT: scope.environment };
}

function boundArgv({ argv, bindings }: TargetCommand): string[] {
  return argv.map((text) => bindVariables(text, bindings));
}

function versionIn(seen: Exclude<ObservedVersion, 'unreadable'>): string | null {
  return seen === 'none' ? null : seen.version;
}

function instanceOf(
  seen: { version: string; release: string | null },
  record: DeployRecord | null,
  scope: DeployScope,
): Instance {
  const known = record?.deployed.findLast((one) => one.version === seen.version) ?? null;
  const release = seen.release ?? known?.release ?? OUTSIDE;
  return {
    id: idOf(scope, release),
    component: WHOLE_SERVICE,
    version: seen.version,
    release,
    address: null,
    state: 'running',
    startedAt: known?.startedAt ?? null,
    pid: null,
  };
}

function idOf(scope: DeployScope, release: string): string {
  return [scope.service, scope.environment, WHOLE_SERVICE, release].join('_');
}
