import type { Json } from '../release/json.ts';
import { checkAddresses } from './rules-of-addresses.ts';
import { checkCopies } from './rules-of-copies.ts';
import {
  checkApprovals,
  checkComponents,
  checkMigrations,
  checkNames,
  checkOrder,
  checkSkips,
  checkStores,
  checkVerification,
} from './rules-of-environments.ts';
import { checkRehearsals } from './rules-of-rehearsal.ts';
import { checkRollbacks } from './rules-of-rollback.ts';
import { checkScratch } from './rules-of-scratch.ts';
import { checkArguments, checkVariables } from './rules-of-secrets.ts';
import { checkWatches } from './rules-of-watch.ts';
import type { Findings, Rule } from './rules.ts';

const RULES: readonly Rule[] = [
  checkOrder,
  checkStores,
  checkComponents,
  checkMigrations,
  checkRehearsals,
  checkCopies,
  checkScratch,
  checkRollbacks,
  checkVerification,
  checkNames,
  checkApprovals,
  checkSkips,
  checkWatches,
  checkVariables,
  checkArguments,
  checkAddresses,
];

/** Everything that is wrong or doubtful between the keys of a file. */
export function checkRules(root: Json): Findings {
  const findings: Findings = { problems: [], warnings: [] };
  for (const rule of RULES) rule(root, findings);
  return findings;
}
