import { beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { runGapped } from '../../../test/support/run-gapped.ts';
import type { StoreBench } from './store-proof.suite.ts';
import type { Capture, Prestaging, Staged, Store } from './store.ts';
import { KILLS_LIMIT_MS, STORE_PROGRAM, type StoreSubject } from './store-subject.suite.ts';

const SETTLE_LIMIT_MS = 30_000; // an engine writes down what a session did up to half a second later

/** The promises of copies that wait (prestaging.ts). */
export function describePrestaging(subject: StoreSubject, bench: () => StoreBench): void {
  if (subject.touchStaged === undefined) return;
  let project: string;
  let copy: string;
  let store: Store;
  let ahead: Prestaging;
  const effect = (): ReturnType<typeof createEffect> => createEffect(project);

  beforeEach(() => {
    ({ project, copy, store } = bench());
    if (store.prestaging === undefined) throw new Error(`a store of kind ${subject.kind} lets no copy wait`);
    ahead = store.prestaging;
  });

  const captureThenChange = async (): Promise<Capture> => {
    const capture = await store.capture(copy, effect());
    await subject.write(project, 'new');
    return capture;
  };
  const stageOld = async (): Promise<Staged> => store.stage(copy, await captureThenChange(), 'bk_1', effect());
  const settled = async (staged: Staged): Promise<string | null> => {
    let last = await ahead.mark(staged, effect());
    await expect
      .poll(
        async () => {
          const before = last;
          last = await ahead.mark(staged, effect());
          return last === before;
        },
        { interval: 600, timeout: SETTLE_LIMIT_MS },
      )
      .toBe(true);
    return last;
  };

  describe(`a copy of kind ${subject.kind} that waits`, { timeout: KILLS_LIMIT_MS }, () => {
    it('keeps its mark until somebody touches it, and can be swapped in', async () => {
      const staged = await stageOld();
      const mark = await settled(staged);
      expect(mark).not.toBeNull();
      await subject.write(project, 'newer');
      expect(await ahead.mark(staged, effect())).toBe(mark);
      await store.swap(staged, effect());
      expect(await subject.read(project)).toBe('old');
      expect(await ahead.mark(staged, effect())).toBeNull();
    });

    it(
      'has another mark as soon as somebody has changed it',
      async () => {
        const staged = await stageOld();
        const mark = await settled(staged);
        await subject.touchStaged?.(project, staged.place);
        await expect
          .poll(async () => (await ahead.mark(staged, effect())) === mark, { timeout: SETTLE_LIMIT_MS })
          .toBe(false);
      },
      SETTLE_LIMIT_MS * 2,
    );

    it('is listed and removed by its tag alone, twice without harm, and leaves no trace', async () => {
      const before = await captureThenChange().then(async (capture) => {
        const names = await subject.place.names(project);
        await store.stage(copy, capture, 'bk_1', effect());
        await store.stage(copy, capture, 'bk_2', effect());
        return names;
      });
      const listed = (await ahead.list(effect())).map(({ tag, bytes }) => ({ tag, hasSize: bytes > 0 }));
      expect(listed).toEqual([
        { tag: 'bk_1', hasSize: true },
        { tag: 'bk_2', hasSize: true },
      ]);
      await ahead.remove('bk_1', effect());
      await ahead.remove('bk_1', effect());
      expect((await ahead.list(effect())).map(({ tag }) => tag)).toEqual(['bk_2']);
      await ahead.remove('bk_2', effect());
      expect(await subject.place.names(project)).toEqual(before);
      expect(await subject.read(project)).toBe('new');
    });

    it('is not taken for one that waits once it was live, nor is what it replaced', async () => {
      const staged = await stageOld();
      const record = await store.swap(staged, effect());
      expect(await ahead.list(effect())).toEqual([]);
      await ahead.remove('bk_1', effect());
      await store.swapBack(record, effect());
      const names = await subject.place.names(project);
      expect(await ahead.list(effect())).toEqual([]);
      await ahead.remove('bk_1', effect());
      expect(await subject.read(project)).toBe('new');
      // The restored data, which the service may have written to, is nobody's to delete here.
      expect(await subject.place.names(project)).toEqual(names);
    });

    it(
      'is found and removed when it was killed half way, and staged again in its place',
      async () => {
        const capture = await captureThenChange();
        const before = await subject.place.names(project);
        const act = {
          kind: subject.kind,
          settings: subject.settings,
          projectDirectory: project,
          act: { name: 'stage', folder: copy, capture, tag: 'bk_1' },
        };
        const { passed } = await runGapped(STORE_PROGRAM, act, null);
        expect(passed.length).toBeGreaterThan(0);
        await ahead.remove('bk_1', effect());
        for (const killAt of passed) {
          const end = await runGapped(STORE_PROGRAM, act, killAt);
          expect(end.signal, `${killAt}: ${end.stderr}`).toBe('SIGKILL');
          await ahead.remove('bk_1', effect());
          expect(await subject.place.names(project), `removed after ${killAt}`).toEqual(before);
          await runGapped(STORE_PROGRAM, act, killAt);
          const staged = await store.stage(copy, capture, 'bk_1', effect());
          expect(await ahead.mark(staged, effect())).not.toBeNull();
          await ahead.remove('bk_1', effect());
        }
        expect(await subject.read(project)).toBe('new');
      },
      KILLS_LIMIT_MS,
    );
  });
}
