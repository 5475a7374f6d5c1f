import { z } from 'zod';
import { complain } from './forward-issues.ts';
import type { Kinds } from './kinds.ts';
import { setWrittenForm } from './known-keys.ts';
import { checkForm } from './named-check.ts';
import { readCheck } from './read-check.ts';
import type { MaintenanceConfig, NamedCheck } from './service-config.ts';
import { path } from './words.ts';

/** What the parts are called in messages and in the journal. */
const NAMES = { on: 'maintenance on', off: 'maintenance off', check: 'maintenance check' } as const;

/** `maintenance:` of an environment, as written: a pair of calls, or a file that the service looks at. */
export function maintenanceWords(kinds: Kinds) {
  return z
    .strictObject({
      on: call(kinds, NAMES.on)
        .optional()
        .describe('Makes the service refuse work: a request or a command. Doing it twice must be harmless.')
        .meta({ examples: [{ post: 'https://example.org/kill-switch', body: { enabled: true } }] }),
      off: call(kinds, NAMES.off)
        .optional()
        .describe('Lets the service work again. Doing it twice must be harmless.')
        .meta({ examples: [{ post: 'https://example.org/kill-switch', body: { enabled: false } }] }),
      file: path()
        .optional()
        .describe('Instead of `on` and `off`: a file that is there as long as the service has to refuse work.')
        .meta({ examples: ['shared/maintenance.flag'] }),
      check: call(kinds, NAMES.check)
        .optional()
        .describe('Passes while the service refuses work, and not otherwise; asked after `on` and after `off`.')
        .meta({ examples: [{ get: 'https://example.org/orders', expect: { status: 503 } }] }),
    })
    .superRefine((written, context) => {
      const pair = [written.on, written.off].filter((one) => one !== undefined).length;
      if (pair === 2 && written.file === undefined) return;
      if (pair === 0 && written.file !== undefined) return;
      const message =
        pair > 0 && written.file !== undefined
          ? 'has both calls and a file\nKeep `on` and `off`, or `file`.'
          : 'does not say how it is turned on and off\nWrite `on` and `off`, or `file`.';
      complain(context, { path: [], message });
    });
}

/** Undefined where the file has none: then the builtin router is used where there is one. */
export function maintenanceOf(
  read: z.output<ReturnType<typeof maintenanceWords>> | undefined,
): MaintenanceConfig | undefined {
  if (read === undefined) return undefined;
  const check = read.check ?? null;
  if (read.file !== undefined) return { by: { file: read.file }, check };
  return read.on === undefined || read.off === undefined ? undefined : { by: { on: read.on, off: read.off }, check };
}

function call(kinds: Kinds, name: string): z.ZodType<NamedCheck, unknown> {
  const schema = z.unknown().transform((written, context) => {
    if (written === undefined) return undefined;
    const check = readCheck(written, { kinds: kinds.checks, context, path: [] });
    return check === null ? z.NEVER : { name, ...check };
  });
  setWrittenForm(schema, checkForm(kinds.checks));
  return schema as unknown as z.ZodType<NamedCheck, unknown>;
}
