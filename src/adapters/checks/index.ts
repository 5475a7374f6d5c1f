import type { z } from 'zod';
import type { Json } from '../../core/release/json.ts';
import type { Check } from './check.ts';
import { openCommandCheck } from './command/command-check.ts';
import { commandCheckSettings } from './command/settings.ts';
import { openHttpCheck } from './http/http-check.ts';
import { httpCheckSettings } from './http/settings.ts';

export interface CheckKind {
  /** Checks what the release file says and gives what `open` takes; checking that again changes nothing. */
  settings: z.ZodType;
  summary: string;
  open(checkedSettings: Json): Check;
}

/** What can be measured. A new check is one folder and one line here. */
export const checkKinds: Record<'http' | 'command', CheckKind> = {
  http: { settings: httpCheckSettings, summary: 'an HTTP request and what its answer must be', open: openHttpCheck },
  command: { settings: commandCheckSettings, summary: "a command of the project's own", open: openCommandCheck },
};
