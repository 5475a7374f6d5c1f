import { mkdirSync, rmSync } from 'node:fs';
import { afterAll } from 'vitest';
import { startFakeQdrant } from '../../../../test/support/fake-qdrant.ts';
import { describeStore, type StorePlace } from '../store.suite.ts';
import { qdrantSettings } from './settings.ts';

const fake = await startFakeQdrant();
afterAll(() => fake.close());
const { data } = fake;
const ALIAS = 'docs';
const POINTS: Record<string, number> = { old: 300, new: 150, newer: 10 };

const place: StorePlace = {
  names: () =>
    [
      ...data.collections.keys(),
      ...[...data.aliases].map(([alias, target]) => `${alias} -> ${target}`),
      ...[...data.collections.keys()].flatMap((name) => data.snapshots(name).map((one) => one.name)),
    ].sort(),
  rights: () => JSON.stringify(data.collection(ALIAS).config),
  removeLive: () => data.clear(),
  empty(project) {
    data.clear();
    rmSync(project, { recursive: true });
    mkdirSync(project);
  },
};

describeStore({
  kind: 'qdrant',
  place,
  hasGap: false,
  isAtomic: true,
  settings: qdrantSettings.parse({ url: fake.url }),
  copyFile: '0.snapshot',
  write(_project, word) {
    if (!data.aliases.has(ALIAS)) {
      data.create('docs_v1', { vectors: { size: 4, distance: 'Cosine' } });
      data.changeAliases([{ create_alias: { alias_name: ALIAS, collection_name: 'docs_v1' } }]);
    }
    const { points } = data.collection(ALIAS);
    points.clear();
    const count = POINTS[word] ?? 0;
    data.put(
      ALIAS,
      Array.from({ length: count }, (_, n) => ({ id: n + 1, payload: { word }, vector: [n, 0.5, 0.25, word.length] })),
    );
  },
  read() {
    if (!data.aliases.has(ALIAS)) return null;
    const { points } = data.collection(ALIAS);
    const words = new Set([...points.values()].map(({ payload }) => (payload as { word: string }).word));
    const [word] = words;
    if (words.size !== 1 || points.size !== POINTS[word ?? '']) throw new Error(`mixed: ${[...words].join()}`);
    return word ?? null;
  },
});
