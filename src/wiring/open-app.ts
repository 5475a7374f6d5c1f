import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { App, LoadedReleaseFile, Tools } from '../app/app.ts';
import type { Plan } from '../core/plan/plan.ts';
import { realClock } from '../platform/clock.ts';
import type { Effect } from '../platform/effect.ts';
import { exists } from '../platform/files.ts';
import { redact } from '../platform/redact.ts';
import type { Database } from '../state/open-database.ts';
import { findProject, type Project } from './find-project.ts';
import { projectName } from './project-name.ts';
import { startExecutor } from './start-executor.ts';
import { variablesFor } from './variables-for.ts';

export interface OpenOptions {
  projectDirectory: string | null;
  configPath: string | null;
  /** Name in the database's list of connections. */
  applicationName: string;
  report: (line: string) => void;
}

/** Opens a project for a person's acts. Nothing is touched before an act needs it. */
export async function openApp(options: OpenOptions): Promise<App & { close(): Promise<void> }> {
  const project = findProject(options.projectDirectory ?? process.cwd(), options.configPath);
  const stateDirectory = join(project.directory, '.shipway');
  const memory = lazyDatabase(stateDirectory, options.applicationName);
  let releaseFile: Promise<LoadedReleaseFile> | null = null;
  return {
    projectDirectory: project.directory,
    project: projectName(project.directory),
    stateDirectory,
    person: process.env['SHIPWAY_ACTOR'] ?? userInfo().username,
    startedBy: process.env['SHIPWAY_STARTED_BY'] === 'automation' ? 'automation' : 'person',
    releaseFile: () => (releaseFile ??= readReleaseFile(project)),
    database: memory.open,
    existingDatabase: memory.openExisting,
    tools: () => loadTools(project, memory.open),
    effect: async (plan, token) => effectOf({ project, stateDirectory, plan, token, report: options.report }),
    startExecutor: async () => startExecutor(project.directory),
    nowMs: () => realClock.nowMs(),
    sleep: (ms) => realClock.sleep(ms),
    close: memory.close,
  };
}

async function readReleaseFile(project: Project): Promise<LoadedReleaseFile> {
  return (await import('./load-release-file.ts')).loadReleaseFile(project);
}

async function loadTools(project: Project, open: () => Promise<Database>): Promise<Tools> {
  const [{ adapters }, backups] = await Promise.all([import('./adapters.ts'), import('./backups.ts')]);
  return {
    adapters,
    backups: backups.backupTools(project.directory, open),
    newIdentity: backups.newIdentity,
    vault: (plan) => backups.vaultOf(plan, project.directory),
    withCopy: backups.withCopy,
    stores: (plan) => plan.stores.map((store) => backups.openStore(store, backups.scopeOf(plan, project.directory))),
  };
}

interface LazyDatabase {
  open: () => Promise<Database>;
  openExisting: () => Promise<Database | null>;
  close: () => Promise<void>;
}

function lazyDatabase(stateDirectory: string, applicationName: string): LazyDatabase {
  const url = process.env['SHIPWAY_DATABASE_URL'] ?? null;
  let opened: Promise<Database> | null = null;
  const open = (): Promise<Database> => (opened ??= openNow());
  const openNow = async (): Promise<Database> => {
    const { openDatabase } = await import('../state/open-database.ts');
    return openDatabase({ stateDirectory, url, applicationName });
  };
  return {
    open,
    openExisting: async () => (url !== null || exists(join(stateDirectory, 'postgres.json')) ? open() : null),
    close: async () => {
      if (opened === null) return;
      const database = await opened.catch(() => null);
      await database?.close();
    },
  };
}

interface EffectRequest {
  project: Project;
  stateDirectory: string;
  plan: Plan;
  token: string;
  report: (line: string) => void;
}

function effectOf({ project, stateDirectory, plan, token, report }: EffectRequest): Effect {
  const variables = variablesFor(project.directory, plan);
  return {
    token,
    signal: new AbortController().signal,
    clock: realClock,
    resolve: (text) => variables.resolve(text),
    environment: (extra) => variables.environment(extra),
    projectDirectory: project.directory,
    stateDirectory,
    report: (line) => report(redact(line)),
  };
}
