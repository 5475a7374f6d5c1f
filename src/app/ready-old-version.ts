import { resolve } from 'node:path';
import type { Scratch } from '../adapters/stores/store.ts';
import type { Sealed, Vault } from '../adapters/vaults/vault.ts';
import type { StatementsConfig } from '../core/config/service-config.ts';
import { variablesOfStore } from '../core/rehearsal/scratch-variable.ts';
import { bindVariables } from '../core/release/bind-variables.ts';
import type { Effect } from '../platform/effect.ts';
import type { Database } from '../state/open-database.ts';
import type { Tools } from './app.ts';
import { askOnCopies } from './ask-on-copies.ts';
import { readStatements } from './old-statements.ts';
import type { PlannedRehearsal } from './plan-rehearsal.ts';
import type { OldVersion } from './try-old-version.ts';
import { planOfVersion } from './version-plan.ts';

interface Act extends PlannedRehearsal {
  tools: Tools;
  database: Database;
  /** Of the live data. */
  effect: Effect;
}

/** Without a word about statements, those that the live server counts are planned all the same. */
const NOTHING_SAID: StatementsConfig = { old: null, new: null, everySeconds: 0.1, counted: 'fail' };

/** What of the version that runs can be tried: its statements, and the version itself. Read before anything is restored. */
export async function readyOldVersion(
  act: Act,
  source: () => Promise<{ vault: Vault; sealed: Sealed }>,
): Promise<{ old: OldVersion; newStatements: string[] }> {
  const { plan, rehearsal, store, judged, effect } = act;
  const config = rehearsal.statements ?? NOTHING_SAID;
  const version = plan.previous?.version ?? null;
  const bindings = { VERSION: plan.version.number, PREVIOUS_VERSION: version ?? '' };
  const read = (what: 'old' | 'new'): Promise<string[]> =>
    readStatements(config[what], {
      what,
      resolve: (text) => effect.resolve(bindVariables(text, bindings)),
      projectDirectory: effect.projectDirectory,
    });
  const counted = config.counted === 'ignore' ? null : ((await store.rehearsing.counted?.(effect)) ?? null);
  const start = version === null ? null : starter(act, version, source);
  const old = { version, config, declared: await read('old'), counted, start, judged };
  return { old, newStatements: await read('new') };
}

/** Null where the release file does not say how a version is started on a copy. */
function starter(
  act: Act,
  version: string,
  source: () => Promise<{ vault: Vault; sealed: Sealed }>,
): OldVersion['start'] {
  const { environment, plan, store, tools, database, effect, scratchPlace } = act;
  const scratch = environment.scratch;
  if (scratch === undefined) return null;
  return async ({ variables }: Scratch) => {
    const { vault, sealed } = await source();
    const names = sealed.manifest.stores.map(({ name }) => name).filter((name) => !scratch.without.includes(name));
    const then = await planOfVersion(database, plan, version);
    return askOnCopies({
      from: { vault, withCopy: tools.withCopy, sealed, stores: tools.stores(plan) },
      place: resolve(effect.projectDirectory, scratchPlace),
      version: {
        adapters: tools.adapters,
        plan: then,
        scratch,
        verify: environment.verify,
        version,
        stores: names,
        effect,
      },
      ready: { [store.name]: variablesOfStore(store.name, variables) },
    });
  };
}
