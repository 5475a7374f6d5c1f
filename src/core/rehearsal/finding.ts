/** One thing that was found out. */
export interface RehearsalFinding {
  /** `failure`: the migration is wrong. `unknown`: nobody could tell. `warning` and `note` do not count against it. */
  severity: 'failure' | 'unknown' | 'warning' | 'note';
  kind:
    | 'up-failed'
    | 'down-failed'
    | 'again-failed'
    | 'too-long'
    | 'not-restored'
    | 'again-differs'
    | 'discards'
    | 'check-failed'
    | 'check-unknown'
    | 'checks-wrote'
    | 'long-stall'
    | 'old-breaks'
    | 'old-stalls'
    | 'old-unknown'
    | 'old-untried'
    | 'new-breaks'
    | 'new-wrote'
    | 'no-way-down'
    | 'nothing-to-do'
    | 'live-changed'
    | 'live-written'
    | 'locks-unseen'
    | 'not-finished';
  sentence: string;
}
