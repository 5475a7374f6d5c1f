import { resolve } from 'node:path';
import type { Plan } from '../core/plan/plan.ts';
import { loadVariables, type Variables } from '../platform/variables.ts';

/** The variables of a plan's environment. */
export function variablesFor(projectDirectory: string, plan: Plan): Variables {
  return loadVariables({
    envFile: plan.envFile === null ? null : resolve(projectDirectory, plan.envFile),
    processEnvironment: process.env,
    secretNames: plan.variables.secret,
    publicNames: plan.variables.public,
  });
}
