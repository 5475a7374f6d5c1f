import { observeNothing, type Step } from './step.ts';

/** The watch is rounds, not one act: the watch workflow runs them one by one (see engine/run-watch.ts). This records its end. */
export const watchVersionStep: Step = {
  kind: 'watch-version',
  observe: observeNothing,
  async act({ tools, releaseId }) {
    const rounds = await tools.memory.samples(releaseId);
    const last = rounds.at(-1);
    return { rounds: rounds.length, watchedSeconds: last?.sample.atSeconds ?? 0 };
  },
};
