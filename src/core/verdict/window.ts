import type { Sample } from './sample.ts';

/** A sample on a time that never runs backwards. */
export interface Moment {
  /** Seconds, counted from the first sample; a jump of the clock backwards adds nothing. */
  elapsed: number;
  sample: Sample;
}

/** The samples a criterion looks at. */
export interface Window {
  /** Inside (start, end], oldest first. */
  inside: Moment[];
  /** At most a hole before `inside`: where differences of counters begin. */
  before: Moment[];
  /** 0 for a criterion without a window. */
  lengthSeconds: number;
  start: number;
  /** Longer pauses between samples are holes: nothing is known about that time. */
  holeSeconds: number;
  /** Age of the newest sample when that is more than a hole, otherwise null. */
  staleSeconds: number | null;
}

export interface WindowRequest {
  samples: Sample[];
  nowSeconds: number;
  windowSeconds: number;
  /** How often samples should be taken; the median pause between them counts where that is longer, or this is not known. */
  everySeconds: number | null;
  /** Samples before this are not of this watch; null: all are. */
  watchStartedSeconds: number | null;
}

// One slow and one lost sample in a row are ordinary; three missing intervals are not a measurement any more.
const HOLE_INTERVALS = 3;

/** Cuts out the samples of the window that ends with the newest sample. Repeated samples count once; order is the order of taking. */
export function cutWindow(request: WindowRequest): Window {
  const from = request.watchStartedSeconds ?? Number.NEGATIVE_INFINITY;
  const moments = momentsOf(request.samples.filter((sample) => sample.atSeconds >= from));
  const newest = moments.at(-1);
  const holeSeconds = HOLE_INTERVALS * paceSeconds(moments, request.everySeconds);
  const age = newest ? Math.max(0, request.nowSeconds - newest.sample.atSeconds) : 0;
  // Judging a moment after the newest sample must not lose the oldest one, so the window ends with the newest sample unless that is stale.
  const isStale = age > holeSeconds;
  const end = (newest?.elapsed ?? 0) + (isStale ? age : 0);
  const start = request.windowSeconds === 0 ? startOfNewest(moments) : end - request.windowSeconds;
  const inside = moments.filter((moment) => moment.elapsed > start);
  const first = inside[0]?.elapsed ?? end;
  const before = moments.filter((moment) => moment.elapsed <= start && first - moment.elapsed <= holeSeconds);
  return {
    inside,
    before,
    lengthSeconds: request.windowSeconds,
    start,
    holeSeconds,
    staleSeconds: isStale ? age : null,
  };
}

/** The seconds of the window about which the usable samples tell: each tells about the time since the one before, holes excepted. */
export function coveredSeconds(window: Window, isUsable: (sample: Sample) => boolean): number {
  let covered = 0;
  let previous = window.before.findLast((moment) => isUsable(moment.sample))?.elapsed ?? null;
  for (const { elapsed, sample } of window.inside) {
    if (!isUsable(sample)) continue;
    if (previous !== null && elapsed - previous <= window.holeSeconds)
      covered += elapsed - Math.max(previous, window.start);
    previous = elapsed;
  }
  return covered;
}

function momentsOf(samples: Sample[]): Moment[] {
  const moments: Moment[] = [];
  const seen = new Map<number, Sample>();
  for (const sample of samples) {
    const twin = seen.get(sample.atSeconds);
    // The clock may have gone back over this time, so only the same content makes it the same sample.
    if (twin !== undefined && JSON.stringify(twin) === JSON.stringify(sample)) continue;
    seen.set(sample.atSeconds, sample);
    const last = moments.at(-1);
    const passed = last ? Math.max(0, sample.atSeconds - last.sample.atSeconds) : 0;
    moments.push({ elapsed: (last?.elapsed ?? 0) + passed, sample });
  }
  return moments;
}

/** Without a window the newest sample alone counts; two samples at the same moment count as one round. */
function startOfNewest(moments: Moment[]): number {
  const newest = moments.at(-1)?.elapsed ?? 0;
  return moments.findLast((moment) => moment.elapsed < newest)?.elapsed ?? newest - 1;
}

/** A machine that is slower than the release file wishes still measures: its real pace counts, or everything would be a hole. */
function paceSeconds(moments: Moment[], everySeconds: number | null): number {
  const pauses = moments
    .slice(1)
    .map((moment, index) => moment.elapsed - moments[index]!.elapsed)
    .filter((pause) => pause > 0)
    .sort((a, b) => a - b);
  const median = pauses[Math.floor((pauses.length - 1) / 2)];
  if (median !== undefined) return Math.max(median, everySeconds ?? 0);
  // A single sample has no pause; infinity means that nothing is a hole, and nothing is covered either.
  return everySeconds ?? Number.POSITIVE_INFINITY;
}
