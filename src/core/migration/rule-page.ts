import { RULES, type Rule, type RuleConcern } from './rule-list.ts';

const CONCERNS: RuleConcern[] = [
  'the version that runs',
  'waiting',
  'data',
  'the way back',
  'running it twice',
  'judging',
];

/** The reference of the rules, generated into docs/reference/migration-rules.md. */
export function rulePage(): string {
  const rules = Object.entries(RULES) as [string, Rule][];
  return [
    '# Rules for migrations',
    '',
    'Generated from `src/core/migration/rule-list.ts`. How to run them: [Migrations](../guide/migrations.md).',
    '',
    '`error` ends `shipway migrate check` with exit code 1, `warning` does with `--strict`. A lock on a table that is known to be small is a `note`.',
    'What is done to a table that the same migration makes is excused.',
    '',
    ...CONCERNS.flatMap((concern) => [
      `## What is at stake: ${concern}`,
      '',
      ...rules.filter(([, rule]) => rule.concern === concern).flatMap(([name, rule]) => section(name, rule)),
    ]),
  ].join('\n');
}

function section(name: string, rule: Rule): string[] {
  return [`### ${name}`, '', `**${rule.severity}.** ${rule.about}`, '', '```sql', rule.example, '```', ''];
}
