import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describeTarget } from '../target.suite.ts';

const SERVICES = resolve('test/fixtures/services');

describeTarget({
  kind: 'process',
  settings: (directory) => ({
    components: {
      api: {
        command: [process.execPath, join(SERVICES, 'prints-secret.mjs'), '$VERSION'],
        env: { SECRET: '$TOKEN' },
      },
      worker: {
        command: [process.execPath, join(SERVICES, 'worker.mjs'), '$VERSION'],
        port: 'none',
        env: { RECORDER: join(directory, 'record-$VERSION.txt') },
      },
    },
  }),
  countEffects(directory, version) {
    const file = join(directory, `record-${version}.txt`);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
  },
});
