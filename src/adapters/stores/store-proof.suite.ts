import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { runGapped } from '../../../test/support/run-gapped.ts';
import type { Capture, Store } from './store.ts';
import { KILLS_LIMIT_MS, STORE_PROGRAM, type StoreSubject } from './store-subject.suite.ts';

/** One test of the suite: a project of its own with the data in the state `old`, and an empty folder for a copy. */
export interface StoreBench {
  project: string;
  copy: string;
  store: Store;
}

/** The promises of `prove` (store.ts). */
export function describeProofs(subject: StoreSubject, bench: () => StoreBench): void {
  let project: string;
  let copy: string;
  let scratch: string;
  let store: Store;
  const effect = (): ReturnType<typeof createEffect> => createEffect(project);

  beforeEach(() => {
    ({ project, copy, store } = bench());
    scratch = join(project, '.copy-scratch');
  });

  const captureThenChange = async (): Promise<Capture> => {
    const capture = await store.capture(copy, effect());
    await subject.write(project, 'new');
    return capture;
  };
  const names = async (): Promise<string[]> => subject.place.names(project);
  /** What proofs left below the scratch folder. */
  const leftovers = (): string[] =>
    existsSync(scratch)
      ? (readdirSync(scratch, { recursive: true }) as string[]).filter((name) => name.includes('proof-'))
      : [];

  describe(`a proof of kind ${subject.kind}`, () => {
    it('restores to a scratch place and compares; live data stays as it is, and nothing is left', async () => {
      const capture = await captureThenChange();
      const before = await names();
      const proven = await store.prove(copy, capture, scratch, effect());
      expect(proven.checked).not.toEqual([]);
      expect(await subject.read(project)).toBe('new');
      expect(await names()).toEqual(before);
      expect(leftovers()).toEqual([]);
    });

    it('fails when the restored data is not what was captured, and leaves nothing of that either', async () => {
      const other = join(project, '.copy-of-new');
      mkdirSync(other);
      const capture = await captureThenChange();
      await store.capture(other, effect());
      const before = await names();
      const invalid = { kind: 'backup-invalid' };
      await expect(store.prove(other, capture, scratch, effect())).rejects.toMatchObject(invalid);
      const otherContent = { ...capture, fingerprint: `${capture.fingerprint}0` };
      await expect(store.prove(copy, otherContent, scratch, effect())).rejects.toMatchObject(invalid);
      expect(await subject.read(project)).toBe('new');
      expect(await names()).toEqual(before);
      expect(leftovers()).toEqual([]);
    });

    it('needs no live data', async () => {
      const capture = await captureThenChange();
      await subject.place.removeLive(project);
      await store.prove(copy, capture, scratch, effect());
      expect(await subject.read(project)).toBeNull();
      expect(leftovers()).toEqual([]);
    });

    it('stops when it is aborted, and the next one clears what it could not', async () => {
      const capture = await captureThenChange();
      const before = await names();
      const stopped = createEffect(project, { signal: AbortSignal.abort() });
      await store.prove(copy, capture, scratch, stopped).catch(() => undefined);
      await store.prove(copy, capture, scratch, effect());
      expect(await names()).toEqual(before);
      expect(leftovers()).toEqual([]);
    });
  });

  describe(`a proof of kind ${subject.kind} killed with SIGKILL`, () => {
    it(
      'at any gap, leaves the live data alone, and the next proof leaves nothing of it',
      async () => {
        const capture = await captureThenChange();
        const before = await names();
        const act = { name: 'prove', folder: copy, capture, scratch };
        const request = { kind: subject.kind, settings: subject.settings, projectDirectory: project, act };
        const { passed, stderr } = await runGapped(STORE_PROGRAM, request, null);
        expect(passed.length, stderr).toBeGreaterThanOrEqual(4);
        expect(leftovers()).toEqual([]);
        for (const killAt of passed) {
          const end = await runGapped(STORE_PROGRAM, request, killAt);
          expect(end.signal, `${killAt}: ${end.stderr}`).toBe('SIGKILL');
          expect(leftovers(), killAt).not.toEqual([]);
          expect(await subject.read(project), killAt).toBe('new');
          await store.prove(copy, capture, scratch, effect());
          expect(leftovers(), killAt).toEqual([]);
          expect(await names(), killAt).toEqual(before);
          expect(await subject.read(project), killAt).toBe('new');
        }
      },
      KILLS_LIMIT_MS,
    );
  });
}
