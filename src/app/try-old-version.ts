import type { Scratch } from '../adapters/stores/store.ts';
import type { StatementsConfig } from '../core/config/service-config.ts';
import type { StatementTry } from '../core/rehearsal/old-version.ts';
import type { Rehearsal, RehearsalFinding } from '../core/rehearsal/rehearsal.ts';
import type { Effect } from '../platform/effect.ts';
import type { VersionVerdict } from './ask-version.ts';
import { findingsOf, tryAfter, tryBefore, type OldStatements } from './old-statements.ts';

/** What is known of the version that runs, to try whether it still serves. */
export interface OldVersion {
  version: string | null;
  config: StatementsConfig;
  declared: string[];
  counted: string[] | null;
  /** Starts it on the migrated copy; null: the release file does not say how, or no version runs. */
  start: ((scratch: Scratch) => Promise<VersionVerdict>) | null;
  /** Rules of the judge that found something in the migration. */
  judged: string[];
}

interface Trial {
  scratch: Scratch;
  old: OldVersion;
  config: { stallSecondsMax: number | null };
  tell: (line: string) => void;
}

/** The statements before anything was changed; null where there is none to try. */
export async function readyStatements({ scratch, old }: Trial, effect: Effect): Promise<OldStatements | null> {
  if (old.declared.length === 0 && (old.counted ?? []).length === 0) return null;
  return tryBefore(scratch, old, effect);
}

/** On the new schema: the statements, then the version itself. What is found goes with the evidence. */
export async function tryOldVersion(
  trial: Trial,
  tried: { ready: OldStatements | null; during: StatementTry[][] | null },
  found: Pick<Rehearsal, 'findings' | 'oldVersion'>,
  effect: Effect,
): Promise<void> {
  const { scratch, old, config, tell } = trial;
  if (tried.ready === null && old.start === null) {
    const untried = untriedFinding(old);
    if (untried !== null) found.findings.push(untried);
    return;
  }
  const { version } = old;
  found.oldVersion = { version, planned: null, isCounted: old.counted !== null, statements: [], started: null };
  if (tried.ready !== null) {
    const { findings, report, tries } = await tryAfter(scratch, tried.ready, tried.during, effect);
    Object.assign(found.oldVersion, report);
    found.findings.push(...findingsOf(tries, config.stallSecondsMax), ...findings);
  }
  if (old.start === null) return;
  tell(`starting ${version} on the migrated copy`);
  const { outcome, sentence } = await old.start(scratch);
  found.oldVersion.started = { outcome, sentence };
  const said = startFinding(version ?? '', outcome, sentence);
  if (said !== null) found.findings.push(said);
}

function startFinding(version: string, outcome: VersionVerdict['outcome'], said: string): RehearsalFinding | null {
  if (outcome === 'pass') return null;
  if (outcome === 'could-not-measure') {
    return {
      severity: 'unknown',
      kind: 'old-unknown',
      sentence: `${version} could not be tried on the migrated copy: ${said}`,
    };
  }
  const way = 'leave the schema usable for it, and take away what it needs in a later release';
  const sentence = `${version} does not serve on the migrated copy: ${said}\nsafe way: ${way}`;
  return { severity: 'failure', kind: 'old-breaks', sentence };
}

/** The judge reads SQL and knows no query of a service; where it found something, somebody should have tried. */
function untriedFinding({ version, judged }: OldVersion): RehearsalFinding | null {
  if (version === null || judged.length === 0) return null;
  const sentence = `nobody tried whether ${version} still serves, and the migration has findings (${judged.join(', ')}): write rehearsal: statements: old, or scratch:`;
  return { severity: 'warning', kind: 'old-untried', sentence };
}
