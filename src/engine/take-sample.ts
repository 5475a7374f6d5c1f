import type { CheckResult } from '../adapters/checks/check.ts';
import type { NamedCheck, WatchConfig } from '../core/config/service-config.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Instance } from '../core/release/version.ts';
import type { Sample } from '../core/verdict/sample.ts';
import type { Effect } from '../platform/effect.ts';
import type { LoadedRelease } from './loaded-release.ts';
import type { Adapters } from './steps/step-tools.ts';

/**
 * Measures one round: every probe once, the service's own metrics from each instance of the new version, and memory.
 * What could not be measured is written down as such.
 */
export async function takeSample(
  adapters: Adapters,
  release: LoadedRelease,
  watch: WatchConfig,
  round: { effect: Effect; atSeconds: number },
): Promise<Sample> {
  await bringRouterBack(adapters, release, round.effect);
  const instances = await newInstances(adapters, release, round.effect);
  const [probes, metrics, memoryShare] = await Promise.all([
    Promise.all(watch.probes.map((probe) => ask(adapters, release, probe, round.effect))),
    readMetrics(adapters, release, watch, { instances, effect: round.effect }),
    fullestShare(adapters, release, instances, round.effect),
  ]);
  return { atSeconds: round.atSeconds, probes, ...metrics, memoryShare };
}

/** A router that was killed is brought back before the probes; if that fails, the probes tell what users meet. */
async function bringRouterBack(adapters: Adapters, release: LoadedRelease, effect: Effect): Promise<void> {
  try {
    await adapters.router(release.plan)?.ensureRunning(effect);
  } catch (error) {
    if (!isProblem(error)) throw error;
    effect.report(`the router is not running: ${error.message}`);
  }
}

async function newInstances(adapters: Adapters, release: LoadedRelease, effect: Effect): Promise<Instance[]> {
  const all = await adapters.target(release.plan).observe(effect);
  return all.filter((instance) => instance.version === release.plan.version.number && instance.state !== 'exited');
}

async function ask(
  adapters: Adapters,
  release: LoadedRelease,
  probe: NamedCheck,
  effect: Effect,
): Promise<Sample['probes'][number]> {
  const subject = {
    VERSION: release.plan.version.number,
    RELEASE: release.row.id,
    SERVICE: release.plan.service,
    ENVIRONMENT: release.plan.environment,
  };
  const result: CheckResult = await adapters.runCheck({ ...probe, tries: 1 }, subject, effect);
  return {
    name: probe.name,
    outcome: result.outcome,
    latencySeconds: latencyOf(result),
    sentence: result.sentence,
  };
}

/** Only an answer has a latency: a refused connection takes a millisecond and is not fast. */
function latencyOf(result: CheckResult): number | null {
  const latencyMs = result.measured['latencyMs'];
  return typeof latencyMs === 'number' ? latencyMs / 1000 : null;
}

async function readMetrics(
  adapters: Adapters,
  release: LoadedRelease,
  watch: WatchConfig,
  from: { instances: Instance[]; effect: Effect },
): Promise<Pick<Sample, 'metrics' | 'metricsProblem'>> {
  if (watch.metrics === null) return { metrics: null, metricsProblem: null };
  const component = metricsComponent(watch) ?? adapters.routedComponent(release.plan);
  const places = from.instances
    .filter((instance) => instance.address !== null && (component === null || instance.component === component))
    .map(({ id, address }) => ({ id, base: `http://${address?.host ?? ''}:${address?.port ?? 0}` }));
  try {
    return { metrics: await adapters.metrics(watch.metrics).read(places, from.effect), metricsProblem: null };
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { metrics: null, metricsProblem: error.message };
  }
}

function metricsComponent(watch: WatchConfig): string | null {
  const settings = watch.metrics?.settings;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return null;
  const component = settings['component'];
  return typeof component === 'string' ? component : null;
}

async function fullestShare(
  adapters: Adapters,
  release: LoadedRelease,
  instances: Instance[],
  effect: Effect,
): Promise<number | null> {
  const shares = Object.values(await adapters.target(release.plan).memoryShare(instances, effect)).filter(
    (share) => share !== null,
  );
  return shares.length === 0 ? null : Math.max(...shares);
}
