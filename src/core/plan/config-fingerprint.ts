import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { ServiceConfig } from '../config/service-config.ts';

/** `sha256:<hex>` over the canonical JSON (RFC 8785) of the config: equal for equal meaning, whatever the order, comments or spelling. */
export function configFingerprint(config: ServiceConfig): string {
  const text = canonicalize(config);
  if (text === undefined) throw new Error('a config is an object and always has a canonical form');
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
