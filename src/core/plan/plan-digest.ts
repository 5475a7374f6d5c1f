import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Plan } from './plan.ts';

/** The plan as canonical JSON (RFC 8785): equal plans give equal bytes. */
export function planBytes(plan: Plan): string {
  const text = canonicalize(plan);
  if (text === undefined) throw new Error('a plan is an object and always has a canonical form');
  return text;
}

/** SHA-256 over the canonical JSON, as `sha256:<hex>`. Approvals bind to it. */
export function planDigest(plan: Plan): string {
  return `sha256:${createHash('sha256').update(planBytes(plan)).digest('hex')}`;
}
