import type { ServiceConfig } from '../config/service-config.ts';
import type { Finding } from '../migration/migration.ts';
import { problem, type Problem } from '../release/problem.ts';
import type { Facts } from './facts.ts';
import { judgedParts, type JudgedPart } from './judged-parts.ts';
import type { Plan } from './plan.ts';

const SHOWN_MAX = 5; // with statement and safe way that is a screen; all of them are one command away

/** Why the SQL of the migration, or of the contract, stands in the way of the release; null when it does not, or when it is not seen. */
export function refusedMigration(plan: Plan, config: ServiceConfig, facts: Facts): Problem | null {
  const migrate = config.environments[plan.environment]?.migrate ?? null;
  if (migrate === null || migrate.unsafe === 'warn') return null;
  if (!plan.phases.some((phase) => phase.name === 'migrate')) return null;
  for (const { what, findings } of judgedParts(facts, migrate)) {
    const errors = findings.filter((one) => one.severity === 'error' && one.allowed === null);
    if (errors.length > 0) return refusalOf(plan, what, errors);
  }
  return null;
}

function refusalOf(plan: Plan, what: JudgedPart['what'], errors: readonly Finding[]): Problem {
  const shown = errors.slice(0, SHOWN_MAX).flatMap(linesOf);
  const more = errors.length > SHOWN_MAX ? [`  and ${errors.length - SHOWN_MAX} more`] : [];
  const head = `the ${what} of ${plan.service} ${plan.version.number} is unsafe in ${plan.environment}: ${errors.length} ${errors.length === 1 ? 'error' : 'errors'}`;
  const rules = [...new Set(errors.map((one) => one.rule))].map((rule) => `${rule}: WHY`).join(', ');
  return problem('refused', [head, ...shown, ...more].join('\n'), {
    where: `environments.${plan.environment}.migrate${what === 'contract' ? '.contract' : ''}`,
    next: `Go the safe way. If it does not hold here, say why in the release file: migrate: { allow: { ${rules} } }. All of it: shipway migrate check --env ${plan.environment} --version ${plan.version.number}`,
  });
}

function linesOf({ rule, line, statement, why, safeWay }: Finding): string[] {
  return [
    `  line ${line}: ${rule}${statement === '' ? '' : `: ${statement}`}`,
    `    why: ${why}`,
    '    safe way:',
    ...safeWay.split('\n').map((text) => `      ${text}`),
  ];
}
