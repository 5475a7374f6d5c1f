/** The four outcomes of a measurement. "Could not measure" is never counted as good, and never as bad without a rule that says so. */
export type Outcome = 'pass' | 'fail' | 'inconclusive' | 'could-not-measure';
