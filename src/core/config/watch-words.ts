import { z } from 'zod';
import type { Criterion, CriterionAction } from '../verdict/criterion.ts';
import { parseCriterion } from '../verdict/parse-criterion.ts';
import type { Kinds } from './kinds.ts';
import { metricsChoice } from './metrics-choice.ts';
import { namedCheck } from './named-check.ts';
import { positiveDuration } from './words.ts';

/** The keys of the criteria lists and what a breach of each does. */
export const CRITERIA_KEYS: Readonly<Record<string, CriterionAction>> = {
  'roll back when': 'roll-back',
  'pause when': 'pause',
  'warn when': 'warn',
};

function criterion(action: CriterionAction): z.ZodType<Criterion, string> {
  return z.string().transform((text, context) => {
    const parsed = parseCriterion(text, action);
    if ('criterion' in parsed) return parsed.criterion;
    const { message, fix, offset } = parsed.error;
    context.addIssue({ code: 'custom', message: `${message}\n${fix}`, params: { offset }, input: text });
    return z.NEVER;
  });
}

const criteria = (action: CriterionAction, meaning: string, example: string) =>
  z
    .array(criterion(action))
    .optional()
    .describe(meaning)
    .meta({ examples: [[example]] });

const criteriaShape = {
  'roll back when': criteria(
    'roll-back',
    'A breach of one of these rolls the release back.',
    'error rate > 1% for 5 minutes',
  ),
  'pause when': criteria(
    'pause',
    'A breach of one of these pauses the watch and asks a person.',
    'memory > 90% for 10 minutes',
  ),
  'warn when': criteria(
    'warn',
    'A breach of one of these is written down and told, nothing more.',
    'queue_depth > 500',
  ),
};

/** `watch:` as written. */
export function watchWords(kinds: Kinds) {
  return z.strictObject({
    for: positiveDuration()
      .describe('How long the new version is watched before it counts as stable.')
      .meta({ examples: ['10m'] }),
    every: positiveDuration()
      .prefault('10s')
      .describe('Pause between two rounds of probes and metrics.')
      .meta({ examples: ['10s'] }),
    probe: z
      .array(namedCheck(kinds.checks))
      .optional()
      .describe('Checks sent in every round. Default: the checks of `verify` that ask with GET.'),
    metrics: metricsChoice(kinds.metrics)
      .optional()
      .describe('Where the service answers its own metrics.')
      .meta({ examples: [{ scrape: '/metrics', component: 'api' }] }),
    ...criteriaShape,
    'release window': z
      .strictObject({
        for: positiveDuration()
          .describe('How long the stricter criteria hold, from the start of the watch.')
          .meta({ examples: ['5m'] }),
        ...criteriaShape,
      })
      .optional()
      .describe('Stricter criteria for the first minutes, besides the normal ones.'),
  });
}
