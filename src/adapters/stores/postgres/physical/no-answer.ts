import { isProblem } from '../../../../core/release/problem.ts';
import { errorCode } from '../../../../platform/error-code.ts';

/** A host name may be gone with its server: a container that is stopped has none. */
const NAME_GONE = ['ENOTFOUND', 'EAI_AGAIN'];

/** Whether nothing answered at the address, as where the server is down. A refusal is an answer. */
export function isNoAnswer(error: unknown): boolean {
  return isProblem(error) && (error.retry || NAME_GONE.includes(errorCode(error.cause)));
}
