import { problem } from '../../../core/release/problem.ts';
import { writeAtomicallyAtOnce } from '../../../platform/files-at-once.ts';
import { readText, writeAtomically } from '../../../platform/files.ts';
import { randomId } from '../../../platform/ids.ts';
import type { RouterState } from '../router.ts';
import { compareStates, mistakeIn, parseStoredState } from './stored-state.ts';
import type { StoredState } from './stored-state.ts';

export interface StateKeeper {
  current(): StoredState;
  /** Says what a wanted state is to the one that holds; `newer` is on disk and holds when this resolves. */
  take(wanted: RouterState): Promise<'newer' | 'same' | 'older' | 'conflict' | { mistake: string }>;
}

const PROBE_KEY_BYTES = 20; // 160 bits: nobody guesses it

/** Opens the state file of a router, or begins with no slots. A file that is damaged is refused: guessing would send traffic anywhere. */
export async function openStateKeeper(path: string): Promise<StateKeeper> {
  let state = await load(path);
  return {
    current: () => state,
    async take(wanted) {
      const mistake = mistakeIn(wanted);
      if (mistake !== null) return { mistake };
      const relation = compareStates(state, wanted);
      if (relation !== 'newer') return relation;
      const next = { generation: wanted.generation, slots: wanted.slots, probeKey: state.probeKey };
      // On disk before anyone uses it: a router that comes back must never serve a state older than one it served.
      writeAtomicallyAtOnce(path, JSON.stringify(next));
      state = next;
      return 'newer';
    },
  };
}

async function load(path: string): Promise<StoredState> {
  const text = await readText(path);
  if (text === null) {
    const fresh = { generation: 0, slots: [], probeKey: randomId(PROBE_KEY_BYTES) };
    await writeAtomically(path, JSON.stringify(fresh));
    return fresh;
  }
  const state = parseStoredState(text);
  if (state !== null) return state;
  throw problem('router-failed', `the state file of the router is damaged: ${path}`, {
    where: path,
    next: `Move it away (mv ${path} ${path}.damaged) and release again, or roll back: both write the whole state.`,
  });
}
