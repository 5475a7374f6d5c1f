import { z } from 'zod';
import { argvSetting, durationSetting } from '../../../platform/settings.ts';

export interface VolumeSettings {
  name: string;
  /** Null: the image of a container that uses the volume. */
  image: string | null;
  /** How the containers that write are kept from writing while the volume is copied; null: a volume in use is refused. */
  still: 'stop' | 'pause' | 'none' | null;
  /** Null: a volume in use is not restored in place. */
  service: { stop: string[]; start: string[] } | null;
  directory: string;
  env: Record<string, string>;
  timeoutSeconds: number;
}

export const volumeSettings = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, {
        error: 'is not the name of a docker volume\nWrite one that "docker volume ls" shows.',
      })
      .describe('Name as `docker volume ls` shows it; compose puts the name of the project before it.'),
    stop: argvSetting()
      .optional()
      .describe('Stops the containers that use the volume, for the copy (unless pause is written) and for a restore.'),
    start: argvSetting().optional().describe('Starts them again, also when the copy failed.'),
    pause: z
      .enum(['containers', 'none'])
      .optional()
      .describe(
        'containers: `docker pause` while it is copied, as after a loss of power. none: nobody writes; it is read twice and must be the same.',
      ),
    image: z
      .string()
      .regex(/^[A-Za-z0-9][\w./:@-]*$/, { error: 'is not an image\nWrite it as "docker image ls" shows it.' })
      .optional()
      .describe(
        'A local image that has sh and mv; it is never pulled. Default: that of a container that uses the volume.',
      ),
    directory: z.string().min(1).default('.').describe('Working directory of the commands, relative to the project.'),
    env: z.record(z.string(), z.string()).default({}).describe('Variables of the commands and of docker.'),
    timeout: durationSetting('1h').describe('Limit of each command, and of each copy of the volume.'),
  })
  .refine(({ stop, start }) => (stop === undefined) === (start === undefined), {
    path: ['stop'],
    message: 'stop and start belong together\nWrite both, or neither.',
  })
  .transform(({ stop, start, pause, image, timeout, ...rest }): VolumeSettings => {
    const service = stop && start ? { stop, start } : null;
    const declared = pause === 'containers' ? 'pause' : (pause ?? null);
    return {
      ...rest,
      image: image ?? null,
      still: declared ?? (service === null ? null : 'stop'),
      service,
      timeoutSeconds: timeout,
    };
  })
  .describe('A docker volume, copied while the containers that use it do not write.');
