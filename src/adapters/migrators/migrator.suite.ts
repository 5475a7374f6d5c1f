import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../test/support/test-effect.ts';
import type { Json } from '../../core/release/json.ts';
import { realClock } from '../../platform/clock.ts';
import { randomId } from '../../platform/ids.ts';
import { stopByEnvironment } from '../../platform/process-table.ts';
import { migratorKinds } from './index.ts';
import { isUnseen, type Migrator } from './migrator.ts';

/** What an implementation says about itself, so that the contract can be tried on it. */
export interface MigratorCase {
  kind: keyof typeof migratorKinds;
  /** What it migrates, for the title. */
  on?: string;
  /** A server that all of it needs, and what each project needs of it. */
  begin?(): Promise<void>;
  end?(): Promise<void>;
  prepare?(projectDirectory: string): Promise<void>;
  remove?(projectDirectory: string): Promise<void>;
  /** As in a release file, for a project in this folder with two migrations, each of which takes some time. */
  settings(projectDirectory: string): { [key: string]: unknown };
  /** The revision of empty data, and the one after both migrations. */
  revisions: { empty: string; newest: string };
  /** What is told of the way down of the project: the files to be kept, or why there are none; and where up goes. */
  wayDown: { goesTo: string | null } & ({ files: string[] } | { notStored: RegExp });
  /** Migrations that were really applied, in order, as the data's own side tells. */
  applied(projectDirectory: string): string[] | Promise<string[]>;
  /** Where the tool cannot know how a run ended that was killed, and asks a person: what that person looks for and says. */
  decide?: { refusal: RegExp; act(projectDirectory: string): Promise<void> };
  /** About as long as starting the tool and both migrations take, so that crashes fall before, into and after each. */
  crashWithinMs: number;
  /** How many crashes are tried; fewer where each takes long. */
  crashes?: number;
  /** Why the tool is not here, for the title; empty when it is. */
  missing?: string;
}

const CHILD = resolve('test/fixtures/migrators/act-on-migrator.mjs');
const CRASHES = 10;
const LIMIT_MS = 300_000; // a tool may take two seconds to start on a busy machine, and is started some sixty times

/** The promises of `migrator.ts`, tried on one implementation. */
export function describeMigrator(one: MigratorCase): void {
  const missing = one.missing ?? '';
  const crashes = one.crashes ?? CRASHES;
  const on = one.on === undefined ? '' : ` on ${one.on}`;
  const title = `the contract of migrators, kept by ${one.kind}${on}${missing === '' ? '' : ` (${missing})`}`;
  describe.skipIf(missing !== '')(title, { timeout: LIMIT_MS }, () => {
    let directory: string;
    let migrator: Migrator;
    const effect = (token?: string) => testEffect(directory, token === undefined ? {} : { token });
    const openProject = async (): Promise<void> => {
      directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-migrator-')));
      await one.prepare?.(directory);
      migrator = migratorKinds[one.kind].open(migratorKinds[one.kind].settings.parse(one.settings(directory)) as Json);
    };
    const removeProject = async (): Promise<void> => {
      await one.remove?.(directory);
      rmSync(directory, { recursive: true, force: true });
    };
    beforeAll(async () => one.begin?.());
    afterAll(async () => one.end?.());
    beforeEach(openProject);
    afterEach(removeProject);

    test('the revision of empty data is told, and asking changes nothing', async () => {
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.empty);
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.empty);
      expect(await one.applied(directory)).toEqual([]);
    });

    test('up goes to the newest revision, applying each migration once, also when called twice', async () => {
      await migrator.up('1.0.0', effect());
      const applied = await one.applied(directory);
      await migrator.up('1.0.0', effect());
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.newest);
      expect(await one.applied(directory)).toEqual(applied);
      expect(new Set(applied).size).toBe(applied.length);
    });

    test('down goes back to the revision asked for, and is harmless when called twice', async () => {
      await migrator.up('1.0.0', effect());
      await migrator.down('1.0.0', one.revisions.empty, effect());
      const applied = await one.applied(directory);
      await migrator.down('1.0.0', one.revisions.empty, effect());
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.empty);
      expect(await one.applied(directory)).toEqual(applied);
    });

    test('whether a failure leaves the data as it was is told, or why it is not known, and asking changes nothing', async () => {
      const told = await migrator.atomicity('1.0.0', effect());
      expect(told.atomic ? 'known' : told.why).not.toBe('');
      expect(await one.applied(directory)).toEqual([]);
    });

    test('the commands of a plan are shown for both directions', () => {
      expect(migrator.commandsFor('up').flat().length).toBeGreaterThan(0);
      expect(migrator.commandsFor('down').flat().length).toBeGreaterThan(0);
    });

    test('what goes up is seen before it runs, or why it is not, and asking changes nothing', async () => {
      const seen = await migrator.preview('1.0.0', effect());
      expect(isUnseen(seen) ? seen.unseen : seen.sql).not.toBe('');
      expect(await one.applied(directory)).toEqual([]);
    });

    test('the status tells what is applied and what waits, where the tool tells it', async () => {
      const before = await migrator.status('1.0.0', effect());
      await migrator.up('1.0.0', effect());
      const after = await migrator.status('1.0.0', effect());
      if (before === null || after === null || before.pending === null)
        return expect(before?.applied ?? null).toBeNull();
      expect([before.applied, after.pending]).toEqual([[], []]);
      expect(after.applied).toEqual(before.pending);
      expect(after.applied).toHaveLength(2);
    });

    test('what the way down needs is told as files of the project, with the revision that up goes to, or why not', async () => {
      const way = await migrator.wayDown?.('1.0.0', effect());
      expect(await one.applied(directory)).toEqual([]);
      const { goesTo, ...kept } = one.wayDown;
      const told =
        'files' in kept
          ? { ...kept, notStored: null }
          : { files: [], notStored: expect.stringMatching(kept.notStored) as string };
      expect(way).toEqual({ goesTo, ...told });
    });

    test('the revision before and after is reported', async () => {
      const watched = effect();
      await migrator.up('1.0.0', watched);
      await migrator.up('1.0.0', watched);
      const { empty, newest } = one.revisions;
      expect(watched.reported).toContain(`migrate up: from ${empty} to ${newest}`);
      expect(watched.reported.at(-1)).toBe(`migrate up: was at ${newest} already`);
    });

    test(`killed with SIGKILL at ${crashes} random moments, going up again ends at the newest revision with every migration once`, async () => {
      for (let round = 1; round <= crashes; round++) {
        const release = randomId();
        const token = `${release}/migrate.up/1`;
        await killDuringUp(one, directory, token);
        await stopByEnvironment('SHIPWAY_STEP', (value) => value === token, 1, realClock);
        const from = (await one.applied(directory)).length;
        await finishUp(one, directory, () => migrator.up('1.0.0', effect(`${release}/migrate.up/2`)));
        const applied = await one.applied(directory);
        expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.newest);
        expect(new Set(applied).size).toBe(applied.length);
        expect(applied.length).toBeGreaterThanOrEqual(from);
        await removeProject();
        await openProject();
      }
    });
  });
}

/** Goes up again after a crash; where a person has to say how it ended, that is what is asked for, and nothing runs before. */
async function finishUp(one: MigratorCase, projectDirectory: string, up: () => Promise<void>): Promise<void> {
  if (one.decide === undefined) return up();
  const before = await one.applied(projectDirectory);
  try {
    await up();
  } catch (error) {
    expect((error as Error).message).toMatch(one.decide.refusal);
    expect(await one.applied(projectDirectory)).toEqual(before);
    await one.decide.act(projectDirectory);
    await up();
  }
}

async function killDuringUp(one: MigratorCase, projectDirectory: string, token: string): Promise<void> {
  const settings = one.settings(projectDirectory);
  const request = { kind: one.kind, settings, version: '1.0.0', token, projectDirectory };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(request)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  await pause(Math.random() * one.crashWithinMs); // the moment of a crash is the one thing here that cannot wait for a condition
  child.kill('SIGKILL');
  await ended;
}
