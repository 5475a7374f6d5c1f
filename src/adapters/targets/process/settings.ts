import { z } from 'zod';
import type { Json } from '../../../core/release/json.ts';
import { argvSetting, byteSizeSetting, durationSetting } from '../../../platform/settings.ts';

/** One component as the target uses it; variables are still unresolved. */
export interface ProcessComponent {
  name: string;
  command: string[];
  /** Relative to the project. */
  directory: string;
  env: Record<string, string>;
  /** `auto`: one that is free, given in `$PORT`; a number cannot be used by two versions at once. */
  port: 'auto' | 'none' | number;
  /** Settings of the HTTP check that the engine asks; opaque here. */
  health: Json | null;
  startWithinSeconds: number;
  stopWithinSeconds: number;
  memoryLimitBytes: number | null;
}

// A list, because the order in which components start must survive stores that sort the keys of objects.
export interface ProcessSettings {
  components: ProcessComponent[];
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/; // becomes part of folder names and ids
const NOT_A_PORT = 'is not a port\nWrite auto, none, or a number from 1 to 65535.';

const component = z.strictObject({
  command: argvSetting().describe('Program and arguments; `$VERSION`, `$PORT` and `$HOST` are known.'),
  directory: z.string().min(1).default('.').describe('Working directory, relative to the project.'),
  env: z
    .record(z.string(), z.string())
    .default({})
    .describe('Variables of this component, besides PORT, HOST, VERSION.'),
  port: z
    .union([z.enum(['auto', 'none']), z.int(NOT_A_PORT).min(1, NOT_A_PORT).max(65535, NOT_A_PORT)], NOT_A_PORT)
    .default('auto')
    .describe('auto: a free one, given to the program as PORT. none: it does not listen.'),
  health: z
    .union([z.literal('none'), z.record(z.string(), z.json())])
    .default('none')
    .describe('The HTTP check that tells when it is ready, as in `verify`, with a path instead of an address.'),
  'start-within': durationSetting('30s').describe('Limit from start to the first accepted connection.'),
  'stop-within': durationSetting('10s').describe('Time between SIGTERM and SIGKILL.'),
  'memory-limit': byteSizeSetting().optional().describe('What 100 % of memory is; default: the memory of the machine.'),
});

/** `process`: components are programs on this machine. */
export const processSettings = z
  .strictObject({
    components: z
      .record(z.string().regex(NAME, 'is not a name\nUse lower-case letters, digits and -, at most 40.'), component)
      .refine((components) => Object.keys(components).length > 0, 'names no component\nName at least one, e.g. api.'),
  })
  .transform(({ components }): ProcessSettings => ({
    components: Object.entries(components).map(([name, written]) => ({
      name,
      command: written.command,
      directory: written.directory,
      env: written.env,
      port: written.port,
      health: written.health === 'none' ? null : (written.health as Json),
      startWithinSeconds: written['start-within'],
      stopWithinSeconds: written['stop-within'],
      memoryLimitBytes: written['memory-limit'] ?? null,
    })),
  }));
