import { afterAll, beforeAll } from 'vitest';
import { missingMoto, startMoto, type MotoServer } from '../../../../test/support/moto-server.ts';
import { describePlace } from '../place.suite.ts';
import { openS3Place } from './s3-place.ts';
import { s3Settings } from './settings.ts';

const missing = missingMoto() ?? '';
const PART_BYTES = 5 * 1024 * 1024;
let server: MotoServer;
beforeAll(async () => {
  if (missing === '') server = await startMoto(['suite']);
}, 180_000);
afterAll(async () => {
  if (missing === '') await server.stop();
});

describePlace({
  kind: 's3, of the server moto',
  open: (effect) =>
    openS3Place(
      s3Settings.parse({
        bucket: 'suite',
        endpoint: server.endpoint,
        prefix: 'a',
        'access-key': '$K',
        'secret-key': '$K',
      }),
      effect,
      PART_BYTES,
    ),
  canLink: true,
  missing,
});
