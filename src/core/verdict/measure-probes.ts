import type { JsonObject } from '../release/json.ts';
import { doubtAboutSamples, type Measurement } from './measurement.ts';
import type { Sample } from './sample.ts';
import type { Window } from './window.ts';

/** How many probes failed inside the window. A probe that could not be measured has not failed. */
export function measureFailedChecks(window: Window): Measurement {
  const { failed, measured, points, used } = countProbes(window);
  const doubt = doubtAboutSamples(window, isMeasured, whyNoProbes);
  // A count looks back: what has not been seen yet cannot have failed, so an uncovered window is no reason for doubt.
  const grave = doubt?.outcome === 'could-not-measure' || window.inside.length === 0 || window.staleSeconds !== null;
  const detail = `${measured} probes, ${used} of ${window.inside.length} samples`;
  return {
    value: failed,
    doubt: grave ? doubt : null,
    detail,
    openAbove: false,
    used,
    query: 'probes that failed',
    points,
  };
}

/** The share of passed probes among those that could be measured. */
export function measureUptime(window: Window): Measurement {
  const { failed, measured, points, used } = countProbes(window);
  const doubt = doubtAboutSamples(window, isMeasured, whyNoProbes);
  const detail = `${measured - failed} of ${measured} probes passed, ${used} of ${window.inside.length} samples`;
  const value = measured === 0 ? null : (measured - failed) / measured;
  return { value, doubt, detail, openAbove: false, used, query: 'probes that passed / probes measured', points };
}

/** Whether at least one probe of the round told something about the service. */
export function isMeasured(sample: Sample): boolean {
  return sample.probes.some(({ outcome }) => outcome === 'pass' || outcome === 'fail');
}

/** Why a round of probes told nothing. */
export function whyNoProbes(sample: Sample): string {
  return sample.probes.find(({ outcome }) => outcome !== 'pass' && outcome !== 'fail')?.sentence ?? 'no probe was sent';
}

function countProbes(window: Window): { failed: number; measured: number; used: number; points: JsonObject[] } {
  const rounds = window.inside
    .filter((moment) => isMeasured(moment.sample))
    .map(({ sample }) => ({
      atSeconds: sample.atSeconds,
      passed: sample.probes.filter(({ outcome }) => outcome === 'pass').length,
      failed: sample.probes.filter(({ outcome }) => outcome === 'fail').length,
    }));
  const failed = rounds.reduce((sum, round) => sum + round.failed, 0);
  const measured = rounds.reduce((sum, round) => sum + round.failed + round.passed, 0);
  return { failed, measured, used: rounds.length, points: rounds };
}
