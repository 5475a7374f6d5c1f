import { join, resolve } from 'node:path';
import { drillConcern } from '../core/backup/drill.ts';
import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { planHead } from '../core/plan/build-plan.ts';
import type { Plan } from '../core/plan/plan.ts';
import { isProblem, problemRecord } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import { freeBytes } from '../platform/files.ts';
import { look } from '../platform/ownership.ts';
import { shortSecrets } from '../platform/redact.ts';
import { runCommand } from '../platform/run-command.ts';
import { drillRecord } from '../state/backup-proofs.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import { openReleases } from '../state/releases.ts';
import type { App, LoadedReleaseFile } from './app.ts';
import { isExecutorAlive } from './ensure-executor.ts';
import type { Finding } from './finding.ts';
import { inspectHalfRestores } from './half-restores.ts';
import { inspectMissing } from './missing-backups.ts';
import { inspectBackups } from './inspect-backups.ts';
import { inspectCopies } from './inspect-copies.ts';
import { existingFolder, inspectStateFolder } from './inspect-state-folder.ts';
import { inspectWaiting } from './inspect-waiting.ts';

export type { Finding };

const NODE_MIN = [20, 20] as const; // engines in package.json
const DISK_WARN_BYTES = 2e9; // a backup, its copy while it is verified, and the log of a bad day
const DISK_FAIL_BYTES = 200e6; // PostgreSQL stops working when it cannot write its log (16 MB a file)
const GIT_LIMIT_SECONDS = 10;

/** Looks at everything a release needs, and changes nothing. One finding does not hide the next. */
export async function inspectProject(app: App, nodeVersion: string): Promise<Finding[]> {
  const file = await loadFile(app);
  const findings = [
    inspectNode(nodeVersion),
    await inspectGit(app),
    inspectDisk(app),
    await inspectStateFolder(app),
    ...(await inspectDatabase(app)),
    file.finding,
  ];
  if (file.loaded === null) return findings;
  for (const warning of file.loaded.warnings) {
    findings.push({ level: 'warn', what: 'release file', found: warning, next: '' });
  }
  for (const environment of Object.values(file.loaded.config.environments)) {
    findings.push(...(await inspectEnvironment(app, file.loaded, environment)));
  }
  findings.push(...(await inspectBackupsOf(app, file.loaded)), inspectShortSecrets());
  return findings;
}

async function inspectBackupsOf(app: App, { config }: LoadedReleaseFile): Promise<Finding[]> {
  const [environment] = Object.values(config.environments);
  if (environment === undefined) return [];
  const head = planHead(config, environment, { version: '0.0.0', commit: null });
  return [
    ...(await inspectBackups(app, config, head)),
    ...(await inspectCopies(app, config, head)),
    ...(await inspectHalfRestores(app, config)),
    ...(await inspectMissing(app, config)),
  ];
}

function ok(what: string, found: string): Finding {
  return { level: 'ok', what, found, next: '' };
}

function inspectNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return ok('node', version);
  return { level: 'fail', what: 'node', found: version, next: `Install Node ${NODE_MIN.join('.')} or newer.` };
}

async function inspectGit(app: App): Promise<Finding> {
  try {
    const environment = { PATH: process.env['PATH'] ?? '' };
    const argv = ['git', '--version'];
    const result = await runCommand({
      argv,
      cwd: app.projectDirectory,
      environment,
      timeoutSeconds: GIT_LIMIT_SECONDS,
    });
    if (result.exitCode === 0) return ok('git', result.stdout.trim());
  } catch {
    // Not there is the same to the person as not working.
  }
  return {
    level: 'warn',
    what: 'git',
    found: 'not found',
    next: 'Install git, if versions are tagged or built from commits.',
  };
}

function inspectDisk(app: App): Finding {
  const bytes = freeBytes(existingFolder(app.stateDirectory));
  const found = `${(bytes / 1e9).toFixed(1)} GB free in ${app.stateDirectory}`;
  if (bytes >= DISK_WARN_BYTES) return ok('disk', found);
  const level = bytes < DISK_FAIL_BYTES ? 'fail' : 'warn';
  return { level, what: 'disk', found, next: 'Make room: backups and the journal are kept there.' };
}

async function inspectDatabase(app: App): Promise<Finding[]> {
  try {
    const database = await app.existingDatabase();
    if (database === null) return [ok('database', 'none yet; the first release makes one')];
    const open = await openReleases(database.db);
    const [stuck, going] = [open.filter(needsPerson), open.filter((release) => !needsPerson(release))];
    return [
      ok('database', database.description),
      inspectExecutor(going, await isExecutorAlive(app)),
      ...stuck.map(({ id }): Finding => ({
        level: 'warn',
        what: 'release',
        found: `${id} needs a person and keeps its lock`,
        next: `shipway show ${id}`,
      })),
    ];
  } catch (error) {
    return [failed('database', error)];
  }
}

function needsPerson(release: ReleaseRow): boolean {
  return release.state === 'needs-human';
}

function inspectExecutor(going: ReleaseRow[], isAlive: boolean): Finding {
  if (isAlive) return ok('executor', 'alive');
  if (going.length === 0) return ok('executor', 'none needed, nothing is under way');
  const names = going.map((release) => release.id).join(', ');
  const next = `shipway resume ${going[0]?.id ?? ''}`;
  return { level: 'warn', what: 'executor', found: `nobody runs ${names}`, next };
}

function failed(what: string, error: unknown): Finding {
  const { message, where, next } = problemRecord(error);
  return { level: 'fail', what, found: where === null ? message : `${message} (${where})`, next };
}

async function loadFile(app: App): Promise<{ loaded: LoadedReleaseFile | null; finding: Finding }> {
  try {
    const loaded = await app.releaseFile();
    return { loaded, finding: ok('release file', loaded.path) };
  } catch (error) {
    return { loaded: null, finding: failed('release file', error) };
  }
}

async function inspectEnvironment(
  app: App,
  { config }: LoadedReleaseFile,
  environment: EnvironmentConfig,
): Promise<Finding[]> {
  const head = planHead(config, environment, { version: '0.0.0', commit: null });
  const findings = await inspectEnvFile(app, environment);
  try {
    const effect = await app.effect(head, 'look/doctor/0');
    const stores = config.stores.filter(({ name }) => environment.stores.includes(name));
    findings.push(inspectVariables(environment, JSON.stringify([environment, stores]), effect));
    const { adapters } = await app.tools();
    const router = adapters.router(head);
    if (router !== null) {
      const state = await router.observe(effect);
      const found =
        state === null ? 'not running; the first release starts it' : `running, ${state.slots.length} slots`;
      findings.push(ok(`router of ${environment.name}`, found));
    }
    findings.push(...(await inspectDrills(app, config, head)));
    findings.push(...(await inspectWaiting(app, config, environment)));
  } catch (error) {
    findings.push(failed(`environment ${environment.name}`, error));
  }
  return findings;
}

/** Nothing where the release file asks for no drills. */
async function inspectDrills(app: App, config: ServiceConfig, head: Plan): Promise<Finding[]> {
  const everySeconds = config.backups.drillSeconds;
  if (everySeconds === null || head.stores.length === 0) return [];
  const what = `drills of ${head.environment}`;
  const database = await app.existingDatabase();
  if (database === null) return [ok(what, 'nothing to restore yet')];
  const listed = await (await app.tools()).backups.ids(head);
  const record = await drillRecord(database.db, head);
  const concern = drillConcern({ ...record, listed, everySeconds }, app.nowMs());
  const next = `shipway backup drill --env ${head.environment}`;
  return [concern === null ? ok(what, 'not late') : { level: 'warn', what, found: concern, next }];
}

async function inspectEnvFile(app: App, environment: EnvironmentConfig): Promise<Finding[]> {
  if (environment.envFile === null) return [];
  const path = resolve(app.projectDirectory, environment.envFile);
  const what = `env file of ${environment.name}`;
  const entry = await look(path);
  if (entry === null)
    return [{ level: 'fail', what, found: `${path} is not there`, next: 'Write it, or correct env-file:.' }];
  if ((entry.mode & 0o044) === 0) return [ok(what, path)];
  const found = `${path} can be read by others (mode ${entry.mode.toString(8)})`;
  return [{ level: 'warn', what, found, next: `chmod 600 ${join(path)}` }];
}

// Set by shipway itself for commands, checks and migrations; nobody has to define them.
const OUR_OWN = new Set(
  'VERSION PREVIOUS_VERSION COMMIT RELEASE SERVICE ENVIRONMENT COMPONENT HOST PORT BASE REVISION'.split(' '),
);

/** By name only: a value has no place on a screen. */
function inspectVariables(environment: EnvironmentConfig, written: string, effect: Effect): Finding {
  const what = `variables of ${environment.name}`;
  const missing = namesIn(written).filter((name) => !isKnown(name, effect));
  if (missing.length === 0) return ok(what, 'all set');
  const where = environment.envFile === null ? 'the environment' : environment.envFile;
  return { level: 'fail', what, found: `not set: ${missing.join(', ')}`, next: `Set them in ${where}.` };
}

function namesIn(text: string): string[] {
  const found = text.replaceAll('$$', '').matchAll(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g);
  return [...new Set([...found].map(([, braced, bare]) => braced ?? bare ?? ''))].filter((name) => !OUR_OWN.has(name));
}

function isKnown(name: string, effect: Effect): boolean {
  try {
    effect.resolve(`\${${name}}`);
    return true;
  } catch (error) {
    if (isProblem(error) && error.kind === 'variable-missing') return false;
    throw error;
  }
}

function inspectShortSecrets(): Finding {
  const short = shortSecrets();
  if (short.length === 0) return ok('masking', 'every secret is long enough to be masked');
  const found = `too short to be masked in output: ${short.join(', ')}`;
  return { level: 'warn', what: 'masking', found, next: 'Use secrets of 6 characters or more.' };
}
