import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../test/support/test-effect.ts';
import type { Json } from '../../core/release/json.ts';
import { realClock } from '../../platform/clock.ts';
import { randomId } from '../../platform/ids.ts';
import { stopByEnvironment } from '../../platform/process-table.ts';
import { migratorKinds } from './index.ts';
import type { Migrator } from './migrator.ts';

/** What an implementation says about itself, so that the contract can be tried on it. */
export interface MigratorCase {
  kind: keyof typeof migratorKinds;
  /** As in a release file, for a project with two migrations, each of which takes some time. */
  settings(): { [key: string]: unknown };
  /** The revision of empty data, and the one after both migrations. */
  revisions: { empty: string; newest: string };
  /** Migrations that were really applied, in order, as the data's own side tells. */
  applied(projectDirectory: string): string[];
}

const CHILD = resolve('test/fixtures/migrators/act-on-migrator.mjs');
const CRASHES = 10;
const CRASH_WITHIN_MS = 250; // about what both migrations take, so that crashes fall before, into and after each

/** The promises of `migrator.ts`, tried on one implementation. */
export function describeMigrator(one: MigratorCase): void {
  describe(`the contract of migrators, kept by ${one.kind}`, () => {
    let directory: string;
    let migrator: Migrator;
    const effect = (token?: string) => testEffect(directory, token === undefined ? {} : { token });
    beforeEach(() => {
      directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-migrator-')));
      migrator = migratorKinds[one.kind].open(migratorKinds[one.kind].settings.parse(one.settings()) as Json);
    });
    afterEach(() => rmSync(directory, { recursive: true, force: true }));

    test('the revision of empty data is told, and asking changes nothing', async () => {
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.empty);
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.empty);
      expect(one.applied(directory)).toEqual([]);
    });

    test('up goes to the newest revision, applying each migration once, also when called twice', async () => {
      await migrator.up('1.0.0', effect());
      const applied = one.applied(directory);
      await migrator.up('1.0.0', effect());
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.newest);
      expect(one.applied(directory)).toEqual(applied);
      expect(new Set(applied).size).toBe(applied.length);
    });

    test('down goes back to the revision asked for, and is harmless when called twice', async () => {
      await migrator.up('1.0.0', effect());
      await migrator.down('1.0.0', one.revisions.empty, effect());
      const applied = one.applied(directory);
      await migrator.down('1.0.0', one.revisions.empty, effect());
      expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.empty);
      expect(one.applied(directory)).toEqual(applied);
    });

    test('the commands of a plan are shown for both directions', () => {
      expect(migrator.commandsFor('up').flat().length).toBeGreaterThan(0);
      expect(migrator.commandsFor('down').flat().length).toBeGreaterThan(0);
    });

    test('the revision before and after is reported', async () => {
      const watched = effect();
      await migrator.up('1.0.0', watched);
      await migrator.up('1.0.0', watched);
      const { empty, newest } = one.revisions;
      expect(watched.reported).toContain(`migrate up: from ${empty} to ${newest}`);
      expect(watched.reported.at(-1)).toBe(`migrate up: was at ${newest} already`);
    });

    test(`killed with SIGKILL at ${CRASHES} random moments, going up again ends at the newest revision with every migration once`, async () => {
      for (let round = 1; round <= CRASHES; round++) {
        const token = `${randomId()}/migrate.up/1`;
        await killDuringUp(one, directory, token);
        await stopByEnvironment('SHIPWAY_STEP', (value) => value === token, 1, realClock);
        const from = one.applied(directory).length;
        await migrator.up('1.0.0', effect());
        const applied = one.applied(directory);
        expect(await migrator.revision('1.0.0', effect())).toBe(one.revisions.newest);
        expect(new Set(applied).size).toBe(applied.length);
        expect(applied.length).toBeGreaterThanOrEqual(from);
        rmSync(directory, { recursive: true, force: true });
        directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-migrator-')));
      }
    }, 60_000);
  });
}

async function killDuringUp(one: MigratorCase, projectDirectory: string, token: string): Promise<void> {
  const request = { kind: one.kind, settings: one.settings(), version: '1.0.0', token, projectDirectory };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(request)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  await pause(Math.random() * CRASH_WITHIN_MS); // the moment of a crash is the one thing here that cannot wait for a condition
  child.kill('SIGKILL');
  await ended;
}
