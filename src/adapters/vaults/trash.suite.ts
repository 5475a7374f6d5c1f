import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runGapped } from '../../../test/support/run-gapped.ts';
import { formatBackupId } from '../../core/backup/backup-id.ts';
import { missingPredecessors } from '../../core/backup/tombstone.ts';
import type { Sealed, Vault } from './vault.ts';

/** How one kind of vault is exercised. */
export interface VaultSubject {
  kind: string;
  open(place: string): Vault;
  /** What the part of a sealed backup holds. */
  readPart(vault: Vault, sealed: Sealed): Promise<string>;
  /** Program that does one act in a process of its own (TrashAct). */
  program: string;
}

const OF = { service: 'notes', environment: 'production' };
const NOTE = { at: '2026-11-21T12:00:00.000Z', why: 'no rule keeps it any more' };
const AT = '2026-11-21T00:00:00.000Z';

/** The promises about trash, tombstones and pins (vault.ts). */
export function describeTrash(subject: VaultSubject): void {
  let place: string;
  let vault: Vault;
  let count = 0;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'shipway-vault-'));
    vault = subject.open(place);
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  const seal = async (of = OF): Promise<Sealed> => {
    count += 1;
    const id = formatBackupId({ takenAtMs: Date.parse(AT) + count * 1000, ...of, reason: 'manual', random: 'aaaaaa' });
    const folder = await (await vault.begin(id)).folderOf('data');
    writeFileSync(join(folder, 'part'), `content of ${id}`);
    const capture = { engine: 'test 1', consistentAt: AT, liveBytes: 1, counters: {}, fingerprint: 'test' };
    return vault.seal({
      id,
      ...of,
      reason: 'manual',
      release: null,
      version: null,
      createdAt: { start: AT, end: AT },
      tool: 'test 1',
      stores: [{ name: 'data', kind: 'files', engine: 'test 1', capture }],
    });
  };
  const ids = async (): Promise<string[]> => (await vault.list()).map((entry) => entry.id);
  const states = async (): Promise<string[]> => (await vault.pruned()).map(({ data }) => data);
  const pinOf = (id: string, reason = 'audit') => ({ id, reason, by: 'ana', at: AT });

  describe(`the trash of a vault of kind ${subject.kind}`, () => {
    it('hides a backup from list, show and latest, and leaves its data to whoever reads it', async () => {
      const [first, second] = [await seal(), await seal()];
      const { id } = second.manifest;
      await vault.trash(id, NOTE);
      expect(await ids()).toEqual([first.manifest.id]);
      expect((await vault.show('latest', OF)).manifest.id).toBe(first.manifest.id);
      await expect(vault.show(id, OF)).rejects.toMatchObject({ kind: 'not-found' });
      expect(await subject.readPart(vault, second)).toBe(`content of ${id}`);
      await vault.verifyParts(second);
    });

    it('keeps the first mark when a backup is trashed twice', async () => {
      const { manifest, manifestSha256 } = await seal();
      await vault.trash(manifest.id, NOTE);
      await vault.trash(manifest.id, { at: '2027-01-01T00:00:00.000Z', why: 'again' });
      const { id, previous } = manifest;
      const tombstone = { format: 1, id, ...OF, createdAt: AT, manifest: manifestSha256, previous };
      expect(await vault.pruned()).toMatchObject([
        { tombstone: { ...tombstone, prunedAt: NOTE.at, why: NOTE.why }, data: 'whole', sealed: { manifestSha256 } },
      ]);
    });

    it('gives a backup back as it was, until its data is deleted', async () => {
      const sealed = await seal();
      const { manifest } = sealed;
      await vault.trash(manifest.id, NOTE);
      await vault.recover(manifest.id);
      await vault.recover(manifest.id);
      await vault.verifyParts(await vault.show(manifest.id, OF));
      expect(await vault.pruned()).toEqual([]);
      await vault.trash(manifest.id, NOTE);
      await vault.empty(manifest.id);
      await vault.empty(manifest.id);
      expect(await states()).toEqual(['gone']);
      await expect(subject.readPart(vault, sealed)).rejects.toThrow();
      await expect(vault.recover(manifest.id)).rejects.toMatchObject({ kind: 'not-found' });
    });

    it('empties nothing that is not in it', async () => {
      const { manifest } = await seal();
      await expect(vault.empty(manifest.id)).rejects.toMatchObject({ kind: 'refused' });
      expect(await ids()).toEqual([manifest.id]);
    });

    it('takes nothing that is pinned, nor empties it, and keeps the reason', async () => {
      const { manifest } = await seal();
      const { id } = manifest;
      await vault.pin(pinOf(id));
      await vault.pin(pinOf(id, 'court'));
      expect(await vault.pins()).toEqual([pinOf(id, 'court')]);
      await expect(vault.trash(id, NOTE)).rejects.toMatchObject({ kind: 'refused', message: `${id} is pinned` });
      await vault.unpin(id);
      await vault.unpin(id);
      await vault.trash(id, NOTE);
      await vault.pin(pinOf(id));
      await expect(vault.empty(id)).rejects.toMatchObject({ kind: 'refused' });
      expect(await states()).toEqual(['whole']);
    });

    it('pins nothing that is not there', async () => {
      const { manifest } = await seal();
      const nothing = manifest.id.replace(/aaaaaa$/, 'bbbbbb');
      await expect(vault.pin(pinOf(nothing))).rejects.toMatchObject({ name: 'Problem' });
      expect(await vault.pins()).toEqual([]);
    });

    it('leaves the chain of manifests whole, whatever was pruned', async () => {
      const sealed = [await seal(), await seal(), await seal()];
      const [first, , third] = sealed.map(({ manifest }) => manifest.id);
      await vault.trash(first ?? '', NOTE);
      await vault.empty(first ?? '');
      await vault.trash(third ?? '', NOTE);
      const next = await seal();
      expect(next.manifest.previous).toBe(sealed[2]?.manifestSha256);
      await vault.empty(third ?? '');
      const listed = (await vault.list()).flatMap((entry) => (entry.sealed === null ? [] : [entry.sealed]));
      const links = [
        ...listed.map(({ manifest, manifestSha256 }) => ({ ...manifest, manifest: manifestSha256 })),
        ...(await vault.pruned()).map(({ tombstone }) => tombstone),
      ];
      expect(missingPredecessors(links)).toEqual([]);
      // Without the tombstones the same look finds what is not there: it can fail.
      expect(missingPredecessors(links.slice(0, listed.length))).not.toEqual([]);
    });

    it('knows only the tombstones of the same service and environment in a chain', async () => {
      const mine = await seal();
      const other = await seal({ ...OF, environment: 'staging' });
      await vault.trash(other.manifest.id, NOTE);
      expect((await seal()).manifest.previous).toBe(mine.manifestSha256);
    });

    it('killed at any gap of any act, leaves a backup that is listed and whole, hidden, or gone; again finishes', async () => {
      for (const act of ['trash', 'recover', 'empty'] as const) {
        const prepared = async (): Promise<Sealed> => {
          const sealed = await seal();
          if (act !== 'trash') await vault.trash(sealed.manifest.id, NOTE);
          return sealed;
        };
        const request = async () => ({ place, id: (await prepared()).manifest.id, act });
        const { passed } = await runGapped(subject.program, await request(), null);
        expect(passed.length, act).toBeGreaterThan(0);
        for (const killAt of passed) {
          const sealed = await prepared();
          const { id } = sealed.manifest;
          const end = await runGapped(subject.program, { place, id, act }, killAt);
          expect(end.signal, `${killAt}: ${end.stderr}`).toBe('SIGKILL');
          const pruned = (await vault.pruned()).find(({ tombstone }) => tombstone.id === id);
          const isListed = (await ids()).includes(id);
          expect(isListed, killAt).toBe(pruned === undefined);
          if (isListed || pruned?.data === 'whole') await vault.verifyParts(sealed);
          await vault[act](id, NOTE);
          expect(await ids(), `finished after ${killAt}`).toEqual(
            act === 'recover' ? expect.arrayContaining([id]) : expect.not.arrayContaining([id]),
          );
        }
      }
      expect((await states()).filter((state) => state === 'going')).toEqual([]);
    }, 120_000);
  });
}
