/** Where a release stands. There is no "unknown": after a crash the world is observed and one of these words is written. */
export const RELEASE_STATES = [
  'planned',
  'waiting',
  'running',
  'watching',
  'stable',
  'rolling-back',
  'rolled-back',
  'needs-human',
  'cancelled',
] as const;
export type ReleaseState = (typeof RELEASE_STATES)[number];

const NEXT: Record<ReleaseState, readonly ReleaseState[]> = {
  planned: ['waiting', 'running', 'rolling-back', 'cancelled'],
  waiting: ['running', 'watching', 'rolling-back', 'cancelled', 'needs-human'],
  running: ['waiting', 'watching', 'stable', 'rolling-back', 'rolled-back', 'cancelled', 'needs-human'],
  watching: ['waiting', 'running', 'stable', 'rolling-back', 'needs-human'],
  'rolling-back': ['waiting', 'rolled-back', 'needs-human', 'cancelled'],
  'needs-human': ['running', 'watching', 'rolling-back', 'rolled-back', 'stable', 'cancelled'],
  stable: [],
  'rolled-back': [],
  cancelled: [],
};

/** Whether the state may follow; every write of a state asks here first. */
export function mayFollow(from: ReleaseState, to: ReleaseState): boolean {
  return from === to || NEXT[from].includes(to);
}

/** Whether the release is over. A release that needs a person is not over: it keeps its lock. */
export function isFinal(state: ReleaseState): boolean {
  return state === 'stable' || state === 'rolled-back' || state === 'cancelled';
}
