import { problem } from '../release/problem.ts';
import type { Facts, RollbackRequest } from './facts.ts';
import { parseVersion } from './parse-version.ts';
import { schemaSince } from './schema-history.ts';

type RunningFacts = Facts & { running: NonNullable<Facts['running']> };
type StableVersion = Facts['stableVersions'][number];

/** The version to go back to. Throws `refused` when there is none: only versions that were stable here, and are trusted, count. */
export function rollbackTarget(service: string, request: RollbackRequest, facts: RunningFacts): string {
  const runs = facts.running.version;
  const stable = facts.stableVersions.filter((entry) => !entry.quarantined);
  const revision = request.revision ?? null;
  if (revision !== null) return versionAtRevision(revision, request, facts);
  if (request.to === null) {
    const before = stable.find((entry) => entry.version !== runs);
    if (before !== undefined) return before.version;
    throw problem('refused', `no version but ${runs} was stable in ${request.environment} and is not in quarantine`, {
      next: 'Release a fixed version instead: shipway release VERSION --env ' + request.environment,
    });
  }
  const wanted = parseVersion(request.to);
  if (wanted === runs && !changesData(request)) {
    throw problem('refused', `${wanted} is what runs in ${request.environment}`, {
      next: 'Name another version with --to, or take only the data back: --data down or --data restore.',
    });
  }
  const names = stable.map((entry) => entry.version);
  if (names.includes(wanted)) return wanted;
  throw notThere(service, wanted, request, { ...facts, names });
}

/** What it was stable as when it ran here last, in ms; before everything when the record does not tell. */
export function lastStableMs(version: string, facts: Pick<Facts, 'stableVersions'>): number {
  const found = facts.stableVersions.find((entry) => entry.version === version);
  return momentOf(found);
}

function momentOf(entry: StableVersion | undefined): number {
  return entry?.finishedAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(entry.finishedAt);
}

/** Going to the version that runs already makes sense where only its data is to go back. */
function changesData({ data, backup }: RollbackRequest): boolean {
  return backup !== null || data === 'down' || data === 'restore';
}

/** The newest version that ran well on the revision. */
function versionAtRevision(revision: string, request: RollbackRequest, facts: RunningFacts): string {
  const history = facts.schema ?? { events: [], releases: {} };
  const known = facts.stableVersions
    .filter((entry) => !entry.quarantined)
    .map((entry) => ({
      version: entry.version,
      revision: schemaSince(history, momentOf(entry), facts.revision).revision,
    }));
  const found = known.find(
    (one) =>
      one.revision === revision &&
      one.version !== facts.running.version &&
      (request.to === null || parseVersion(request.to) === one.version),
  );
  if (found !== undefined) return found.version;
  const list = known.flatMap((one) => (one.revision === null ? [] : [`${one.version} at ${one.revision}`]));
  throw problem('refused', `no version to go back to was stable in ${request.environment} at revision ${revision}`, {
    next: list.length === 0 ? 'Name a version with --to.' : `Known: ${list.join(', ')}`,
  });
}

function notThere(
  service: string,
  wanted: string,
  request: RollbackRequest,
  { stableVersions, names }: Facts & { names: string[] },
): Error {
  if (stableVersions.some((entry) => entry.version === wanted)) {
    return problem('refused', `${wanted} was stable here once, but is in quarantine`, {
      next: `Choose another one, or let it out: shipway unlock ${service} --version ${wanted} --reason "..."`,
    });
  }
  return problem('refused', `${wanted} was never stable in ${request.environment}, so nobody knows whether it works`, {
    next:
      names.length > 0
        ? `Choose one of: ${names.join(', ')}`
        : `Release it instead: shipway release ${wanted} --env ${request.environment}`,
  });
}
