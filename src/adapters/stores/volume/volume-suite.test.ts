import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, vi } from 'vitest';
import {
  dataOf,
  docker,
  dockerHost,
  removeDockerNames,
  TEST_IMAGE,
  volumesNamed,
} from '../../../../test/support/docker-host.ts';
import { describeStore, type StorePlace } from '../store.suite.ts';
import { volumeSettings } from './settings.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // each step is a container
const host = await dockerHost();
const NAME = `shipway-suite-${process.pid}`;
const FILES = 5;
const data = dataOf(host, NAME);

const place: StorePlace = {
  names: () => [...volumesNamed(NAME), ...helpers()],
  rights: () => `${statSync(data).mode} ${statSync(data).uid}`,
  removeLive: () => void docker('volume', 'rm', '--force', NAME),
  empty(project) {
    removeDockerNames(NAME);
    rmSync(project, { recursive: true });
    mkdirSync(project);
  },
};

function helpers(): string[] {
  return docker('ps', '--all', '--quiet', '--filter', `label=shipway.helper=${NAME}`).split('\n').filter(Boolean);
}

describe.skipIf(host.reason !== '')(`volumes of docker (${host.reason})`, () => {
  describeStore({
    kind: 'volume',
    place,
    hasGap: true,
    settings: volumeSettings.parse({ name: NAME, image: TEST_IMAGE }),
    copyFile: 'volume.tar',
    write(_project, word) {
      docker('volume', 'create', NAME);
      mkdirSync(join(data, 'deep/er'), { recursive: true });
      for (let n = 0; n < FILES; n += 1) writeFileSync(join(data, 'deep/er', `${n}`), word);
      // A file that only this state has: it must not survive in the other.
      for (const name of readdirSync(data)) if (name.startsWith('only-')) rmSync(join(data, name));
      writeFileSync(join(data, `only-${word}`), word);
    },
    read() {
      if (!existsSync(data)) return null;
      const files = readdirSync(join(data, 'deep/er')).map((name) => join('deep/er', name));
      const names = [...files, ...readdirSync(data).filter((name) => name.startsWith('only-'))];
      const words = new Set(names.map((name) => readFileSync(join(data, name), 'utf8')));
      const [word] = words;
      if (words.size !== 1 || names.length !== FILES + 1 || !names.includes(`only-${word}`))
        throw new Error(`mixed: ${names.join()}`);
      return word ?? null;
    },
  });
});
