import { errorCode } from '../../../platform/error-code.ts';

// Nothing was learnt about the service: the name was not found, our machine has no way out, or the chain of certificates cannot be
// followed with the authorities known here. An expired certificate or one for another name every client sees, so that is a failure.
const OUR_SIDE = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'EACCES',
  'EPERM',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
];

const CAUSES_MAX = 10; // errors wrap each other two or three times; a ring must not hang us

/** Whether a request failed for a reason on the side of the one who asks. */
export function isOurSide(error: unknown): boolean {
  let current: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth++) {
    // A name with several addresses gives one error for each: it is our side only if it is for all of them.
    if (current instanceof AggregateError && current.errors.length > 0) return current.errors.every(isOurSide);
    if (OUR_SIDE.includes(errorCode(current))) return true;
    current = current.cause;
  }
  return false;
}
