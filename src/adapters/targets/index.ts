import type { z } from 'zod';
import type { Json } from '../../core/release/json.ts';
import { openCommandTarget } from './command/command-target.ts';
import { commandSettings } from './command/settings.ts';
import { openProcessTarget } from './process/process-target.ts';
import { processSettings } from './process/settings.ts';
import type { Target } from './target.ts';

export interface TargetKind {
  /** Checks what the release file says and gives what `open` takes. */
  settings: z.ZodType;
  summary: string;
  open(checkedSettings: Json, scope: { service: string; environment: string }): Target;
}

/** Where a service can run. A new target is one folder and one line here. */
export const targetKinds: Record<'process' | 'command', TargetKind> = {
  process: { settings: processSettings, summary: 'programs on this machine', open: openProcessTarget },
  command: { settings: commandSettings, summary: "the project's own commands", open: openCommandTarget },
};
