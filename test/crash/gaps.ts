import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder through which a crash test talks to the named gaps of the program (see platform/gap.ts). */
export interface Gaps {
  readonly environment: Record<string, string>;
  arm(name: string, act: 'kill' | 'hold'): void;
  /** Nothing acts until something is armed. */
  disarm(): void;
  isReached(name: string): boolean;
  letGo(name: string): void;
  /** Makes an armed gap act once more. */
  forgetReached(name: string): void;
  /** Every gap that was passed, each once, in order. */
  passed(): string[];
  remove(): void;
}

export function createGaps(): Gaps {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-gaps-'));
  const file = (prefix: string, name: string): string => join(folder, `${prefix}-${name.replaceAll('/', '_')}`);
  return {
    environment: { SHIPWAY_GAPS: folder },
    arm(name, act) {
      for (const old of readdirSync(folder).filter((entry) => /^(reached|go)-/.test(entry))) rmSync(join(folder, old));
      writeFileSync(join(folder, 'do'), act);
      writeFileSync(join(folder, 'at'), JSON.stringify([name]));
    },
    disarm: () => rmSync(join(folder, 'at'), { force: true }),
    isReached: (name) => existsSync(file('reached', name)),
    letGo: (name) => writeFileSync(file('go', name), ''),
    forgetReached: (name) => rmSync(file('reached', name), { force: true }),
    passed() {
      const path = join(folder, 'passed');
      if (!existsSync(path)) return [];
      return [...new Set(readFileSync(path, 'utf8').split('\n').filter(Boolean))];
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
