// Random damage to a sealed, encrypted backup: all of it must be caught. Run: npm run soak -- corruption. The result is printed and written
// to docs/reference/corruption.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  corruption,
  missedCorruption,
  sealSample,
  type Corruption,
} from '../../src/adapters/vaults/corruption.suite.ts';
import { newIdentity, openVault } from '../../src/adapters/vaults/index.ts';
import { vaultKeys } from '../support/vault-keys.ts';

const DAMAGES = Number(process.env['SHIPWAY_SOAK_ROUNDS'] ?? 10_000);
const SEED = Number(process.env['SHIPWAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const REPORT = new URL('../../docs/reference/corruption.md', import.meta.url);

// Each damage waits for the disk most of its time, so several vaults are damaged side by side.
const LANES = 8;

interface Row {
  tried: number;
  missed: string[];
}

test('every random damage to a sealed backup is caught, and said as what it is', async () => {
  const damages = fc.sample(corruption, { numRuns: DAMAGES, seed: SEED });
  const found = new Map<string, Row>();
  await Promise.all(Array.from({ length: LANES }, () => damageOneVault(damages, found)));
  const text = report(found);
  process.stdout.write(text);
  writeFileSync(REPORT, text);
  expect([...found.values()].flatMap(({ missed }) => missed)).toEqual([]);
});

async function damageOneVault(damages: Corruption[], found: Map<string, Row>): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'shipway-corruption-'));
  try {
    const { recipient, identity } = await newIdentity();
    const vault = openVault(place, vaultKeys(join(place, 'keys'), { recipients: [recipient], identity }));
    const samples = { other: await sealSample(vault, 1), victim: await sealSample(vault, 2) };
    // Opened with the identity, as on the machine that restores: what was kept in memory must not stand in for it.
    for (const { manifest } of [samples.other, samples.victim]) await vault.keys.forget(manifest.id);
    for (let damage = damages.pop(); damage !== undefined; damage = damages.pop()) {
      const fault = await missedCorruption(vault, samples, damage);
      const row = found.get(damage.kind) ?? { tried: 0, missed: [] };
      row.tried += 1;
      if (fault !== null) row.missed.push(`${JSON.stringify(damage)}: ${fault}`);
      found.set(damage.kind, row);
    }
    await vault.verifyParts(samples.victim); // what was put back after each of them is whole: the damage was what was caught
    await vault.opened(samples.victim, 'data', async () => undefined);
  } finally {
    rmSync(place, { recursive: true });
  }
}

function report(found: Map<string, Row>): string {
  const rows = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  const missed = rows.reduce((sum, [, row]) => sum + row.missed.length, 0);
  return [
    '# Corruption',
    '',
    'Written by `npm run soak -- corruption`. A sealed and encrypted backup is damaged at random, one way at a time, and opened; the digest that the',
    'journal keeps is not used. Damage that changes nothing (a file swapped with itself) counts as tried and is not looked at.',
    '',
    `${DAMAGES} damages, ${missed} missed (seed ${SEED}).`,
    '',
    '| damage | tried | missed |',
    '| --- | --- | --- |',
    ...rows.map(([kind, row]) => `| ${kind} | ${row.tried} | ${row.missed.length} |`),
    '',
  ].join('\n');
}
