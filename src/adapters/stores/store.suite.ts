import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { runGapped } from '../../../test/support/run-gapped.ts';
import { storeKinds } from './index.ts';
import type { Capture, Staged, Store } from './store.ts';
import { describePrestaging } from './store-prestaging.suite.ts';
import { describeProofs } from './store-proof.suite.ts';
import { BESIDE, KILLS_LIMIT_MS, STORE_PROGRAM, type StoreSubject } from './store-subject.suite.ts';

export { IN_PROJECT_FILES, touchFile, type StorePlace, type StoreSubject } from './store-subject.suite.ts';

/** The promises of every store (store.ts). */
export function describeStore(subject: StoreSubject): void {
  let project: string;
  let copy: string;
  let store: Store;
  const effect = (): ReturnType<typeof createEffect> => createEffect(project);

  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'shipway-store-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    store = storeKinds[subject.kind].open(subject.settings, { projectDirectory: project });
    await subject.write(project, 'old');
  });
  afterEach(async () => {
    await subject.place.empty(project);
    rmSync(project, { recursive: true, force: true });
  });

  const captureThenChange = async (): Promise<Capture> => {
    const capture = await store.capture(copy, effect());
    await subject.write(project, 'new');
    return capture;
  };
  const stageOld = async (): Promise<Staged> => store.stage(copy, await captureThenChange(), 'bk_1', effect());
  const names = async (): Promise<string[]> => subject.place.names(project);
  const traces = async (): Promise<string[]> => (await names()).filter((name) => BESIDE.test(name));

  describe(`a store of kind ${subject.kind}`, () => {
    it('captures, verifies and restores what was there', async () => {
      const staged = await stageOld();
      expect(await subject.read(project)).toBe('new');
      const record = await store.swap(staged, effect());
      expect(await subject.read(project)).toBe('old');
      expect(record.keptAt).not.toBeNull();
    });

    it('gives equal data equal fingerprints and other data another one', async () => {
      const first = await captureThenChange();
      rmSync(copy, { recursive: true });
      mkdirSync(copy);
      const second = await store.capture(copy, effect());
      expect(second.fingerprint).not.toBe(first.fingerprint);
      rmSync(copy, { recursive: true });
      mkdirSync(copy);
      expect((await store.capture(copy, effect())).fingerprint).toBe(second.fingerprint);
    });

    it('leaves live data alone while staging, and unstages without a trace', async () => {
      const before = await captureThenChange().then(names);
      const staged = await store.stage(copy, await store.capture(copy, effect()), 'bk_1', effect());
      expect(await subject.read(project)).toBe('new');
      await store.unstage(staged, effect());
      await store.unstage(staged, effect());
      expect(await names()).toEqual(before);
    });

    it('stages, swaps, swaps back and discards twice without harm', async () => {
      const capture = await captureThenChange();
      await store.stage(copy, capture, 'bk_1', effect());
      const staged = await store.stage(copy, capture, 'bk_1', effect());
      const record = await store.swap(staged, effect());
      expect(store.recordOf(staged, effect())).toEqual(record);
      expect(await store.swap(staged, effect())).toEqual(record);
      expect(await subject.read(project)).toBe('old');
      await store.swapBack(record, effect());
      await store.swapBack(record, effect());
      expect(await subject.read(project)).toBe('new');
      await store.discard(record, effect());
      await store.discard(record, effect());
      expect(await subject.read(project)).toBe('new');
      expect(await traces()).toEqual([]);
    });

    it('keeps the replaced data until it is discarded', async () => {
      const record = await store.swap(await stageOld(), effect());
      await store.discard(record, effect());
      expect(await subject.read(project)).toBe('old');
      expect(await traces()).toEqual([]);
    });

    it('lists what swaps left until it is discarded, one by one', async () => {
      const capture = await captureThenChange();
      expect(await store.replaced(effect())).toEqual([]);
      const staged = await store.stage(copy, capture, 'bk_1', effect());
      expect(await store.replaced(effect())).toEqual([]);
      const first = await store.swap(staged, effect());
      await subject.write(project, 'new');
      const second = await store.swap(await store.stage(copy, capture, 'bk_1', effect()), effect());
      const listed = (await store.replaced(effect())).toSorted((a, b) => a.tag.length - b.tag.length);
      expect(listed.map(({ record, tag, state }) => ({ record, tag, state }))).toEqual([
        { record: first, tag: 'bk_1', state: 'replaced' },
        { record: second, tag: 'bk_1-2', state: 'replaced' },
      ]);
      expect(listed.every(({ bytes }) => bytes > 0)).toBe(true);
      await store.discard(first, effect());
      expect((await store.replaced(effect())).map(({ tag }) => tag)).toEqual(['bk_1-2']);
      await store.discard(second, effect());
      expect(await store.replaced(effect())).toEqual([]);
      expect(await subject.read(project)).toBe('old');
    });

    it('restores the same backup again while the data replaced before is still kept', async () => {
      const capture = await captureThenChange();
      const first = await store.swap(await store.stage(copy, capture, 'bk_1', effect()), effect());
      await subject.write(project, 'newer');
      const second = await store.swap(await store.stage(copy, capture, 'bk_1', effect()), effect());
      expect(second.keptAt).not.toBe(first.keptAt);
      expect(await subject.read(project)).toBe('old');
      await store.swapBack(second, effect());
      expect(await subject.read(project)).toBe('newer');
    });

    it('restores where no live data is left, and can undo that', async () => {
      const capture = await captureThenChange();
      await subject.place.removeLive(project);
      const record = await store.swap(await store.stage(copy, capture, 'bk_1', effect()), effect());
      expect(await subject.read(project)).toBe('old');
      await store.swapBack(record, effect());
      expect(await subject.read(project)).toBeNull();
      await store.discard(record, effect());
    });

    it('extracts into a folder without touching live data', async () => {
      const capture = await captureThenChange();
      const into = join(project, '.copy', 'elsewhere');
      mkdirSync(into);
      await store.extract(copy, capture, into, effect());
      expect(await subject.read(project)).toBe('new');
      expect(readdirSync(into)).not.toEqual([]);
      // Where a program is led to, if this store has such a place.
      const place = await store.placeIn?.(into, effect());
      if (place !== undefined) expect(existsSync(place)).toBe(true);
    });

    it('finds a flipped byte, a cut and an empty copy, and stages none of them', async () => {
      const capture = await captureThenChange();
      const file = join(copy, subject.copyFile);
      const good = readFileSync(file);
      const before = await names();
      const flipped = Buffer.from(good);
      const at = subject.flipAt?.(good) ?? flipped.indexOf('old');
      flipped.writeUInt8((flipped[at] ?? 0) ^ 1, at);
      for (const bad of [flipped, good.subarray(0, good.length / 2), Buffer.alloc(0)]) {
        writeFileSync(file, bad);
        await expect(store.verify(copy, capture, effect())).rejects.toMatchObject({ kind: 'backup-invalid' });
        await expect(store.stage(copy, capture, 'bk_1', effect())).rejects.toMatchObject({ name: 'Problem' });
        await expect(store.prove(copy, capture, join(project, '.copy-scratch'), effect())).rejects.toMatchObject({
          name: 'Problem',
        });
        expect(await names()).toEqual(before);
      }
      writeFileSync(file, good);
      await store.verify(copy, capture, effect());
    });

    it('refuses another capture than the one recorded', async () => {
      const capture = await captureThenChange();
      const wrong = { ...capture, fingerprint: 'x' };
      await expect(store.verify(copy, wrong, effect())).rejects.toMatchObject({ kind: 'backup-invalid' });
      const [name] = Object.keys(capture.counters);
      const miscounted = { ...capture, counters: { ...capture.counters, [name ?? '']: 12345 } };
      await expect(store.verify(copy, miscounted, effect())).rejects.toThrow(/12345/);
    });

    it('tells before a capture that the data is missing', async () => {
      await subject.place.removeLive(project);
      await expect(store.probe(effect())).rejects.toMatchObject({
        kind: 'backup-failed',
        message: expect.stringContaining('there is no') as string,
      });
      expect(await names()).toEqual([]);
    });

    it('stops when it is aborted', async () => {
      const stopped = createEffect(project, { signal: AbortSignal.abort() });
      await expect(store.capture(copy, stopped)).rejects.toThrow(/abort/i);
    });

    it('reports nothing lost right after a capture and something after a change', async () => {
      const capture = await store.capture(copy, effect());
      const same = JSON.stringify(await store.changesSince(capture, effect()));
      await subject.write(project, 'new');
      expect(JSON.stringify(await store.changesSince(capture, effect()))).not.toBe(same);
    });

    it('keeps rights of the live data on what is put in its place', async () => {
      const staged = await stageOld();
      const rights = await subject.place.rights(project);
      await store.swap(staged, effect());
      expect(await subject.place.rights(project)).toBe(rights);
    });
  });

  describe(`a swap of kind ${subject.kind} killed with SIGKILL`, () => {
    const act = (name: 'swap' | 'swapBack' | 'discard', path: string): unknown => ({
      kind: subject.kind,
      settings: subject.settings,
      projectDirectory: project,
      act: name === 'swap' ? { name, place: path } : { name, keptAt: path },
    });
    const startAgain = async (): Promise<void> => {
      await subject.place.empty(project);
      mkdirSync(copy, { recursive: true });
    };
    /** Old, new, or nowhere: never half of either, never a mixture. */
    const expectWhole = async (): Promise<void> => {
      const found = await subject.read(project);
      if (found === null && subject.hasGap) return;
      expect(['old', 'new']).toContain(found);
    };

    it(
      'at any gap, leaves complete data and is finished by doing it again',
      async () => {
        const probe = await stageOld();
        const { passed } = await runGapped(STORE_PROGRAM, act('swap', probe.place), null);
        expect(passed.length).toBeGreaterThanOrEqual(5);
        for (const killAt of passed) {
          await startAgain();
          await subject.write(project, 'old');
          const staged = await stageOld();
          const end = await runGapped(STORE_PROGRAM, act('swap', staged.place), killAt);
          expect(end.signal, `${killAt}: ${end.stderr}`).toBe('SIGKILL');
          await expectWhole();
          const record = await store.swap(staged, effect());
          expect(await subject.read(project), `finished after ${killAt}`).toBe('old');
          await store.swapBack(record, effect());
          expect(await subject.read(project), `swapped back after ${killAt}`).toBe('new');
          await store.discard(record, effect());
        }
      },
      KILLS_LIMIT_MS,
    );

    it(
      'at any gap of a swap, can be undone instead',
      async () => {
        const { passed } = await runGapped(STORE_PROGRAM, act('swap', (await stageOld()).place), null);
        for (const killAt of passed) {
          await startAgain();
          await subject.write(project, 'old');
          const staged = await stageOld();
          await runGapped(STORE_PROGRAM, act('swap', staged.place), killAt);
          await store.swapBack(store.recordOf(staged, effect()), effect());
          expect(await subject.read(project), `undone after ${killAt}`).toBe('new');
        }
      },
      KILLS_LIMIT_MS,
    );

    if (subject.isAtomic !== true) {
      it('between two renames, is listed as half done and not discarded', async () => {
        const { passed } = await runGapped(STORE_PROGRAM, act('swap', (await stageOld()).place), null);
        const between = passed.find((name) => /\.0\./.test(name)) ?? '';
        await startAgain();
        await subject.write(project, 'old');
        await runGapped(STORE_PROGRAM, act('swap', (await stageOld()).place), between);
        const [half] = await store.replaced(effect());
        expect(half).toMatchObject({ state: 'half' });
        await expect(store.discard(half?.record ?? { keptAt: null }, effect())).rejects.toMatchObject({
          kind: 'restore-failed',
        });
        // What is listed is all that somebody needs who finishes it later.
        expect(half?.staged).toBeDefined();
        await store.swap(half?.staged ?? { place: '' }, effect());
        expect(await store.replaced(effect())).toMatchObject([{ state: 'replaced' }]);
      }, 400_000);
    }

    it('at any gap of a discard, leaves the live data alone and the rest is found and discarded', async () => {
      const keptAt = (await store.swap(await stageOld(), effect())).keptAt ?? '';
      const { passed } = await runGapped(STORE_PROGRAM, act('discard', keptAt), null);
      expect(passed.length).toBeGreaterThan(0);
      for (const killAt of passed) {
        await startAgain();
        await subject.write(project, 'old');
        const record = await store.swap(await stageOld(), effect());
        const end = await runGapped(STORE_PROGRAM, act('discard', record.keptAt ?? ''), killAt);
        expect(end.signal, killAt).toBe('SIGKILL');
        const [rest] = await store.replaced(effect());
        expect(rest?.record).toEqual(record);
        await store.discard(record, effect());
        expect(await store.replaced(effect())).toEqual([]);
        expect(await subject.read(project)).toBe('old');
        expect(await traces()).toEqual([]);
      }
    }, 400_000);

    it(
      'at any gap of the way back, leaves complete data and is finished by doing it again',
      async () => {
        const keptAt = (await store.swap(await stageOld(), effect())).keptAt ?? '';
        const { passed } = await runGapped(STORE_PROGRAM, act('swapBack', keptAt), null);
        expect(passed.length).toBeGreaterThanOrEqual(5);
        for (const killAt of passed) {
          await startAgain();
          await subject.write(project, 'old');
          const record = await store.swap(await stageOld(), effect());
          const end = await runGapped(STORE_PROGRAM, act('swapBack', record.keptAt ?? ''), killAt);
          expect(end.signal, killAt).toBe('SIGKILL');
          await expectWhole();
          await store.swapBack(record, effect());
          expect(await subject.read(project), `swapped back after ${killAt}`).toBe('new');
        }
      },
      KILLS_LIMIT_MS,
    );
  });

  describeProofs(subject, () => ({ project, copy, store }));
  describePrestaging(subject, () => ({ project, copy, store }));
}
