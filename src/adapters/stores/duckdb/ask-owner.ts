import { basename } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, removeTree } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { request } from '../../../platform/http-client.ts';
import { redact } from '../../../platform/redact.ts';
import { runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import { isDatabase } from './check-copy.ts';
import { COMPANIONS, SPILL } from './companions.ts';
import { findHolder } from './connection.ts';
import { failed } from './pause-service.ts';
import type { DuckdbSettings, OwnerHook } from './settings.ts';

const ANSWER_SHOWN = 500; // characters of a refusal: enough for the sentence that says why
const DETACH = 'Let it run ATTACH, COPY FROM DATABASE and DETACH in this order, and answer only then.';

/** One question to the owner of the file. */
interface Question {
  /** The database. */
  live: string;
  /** The new file that the owner writes. */
  out: string;
  settings: DuckdbSettings;
  effect: Effect;
}

/**
 * Lets the process that holds the file write a copy of it, and puts that at `copy`. The owner writes beside the database: there it may
 * write in any case, and it knows the place even when it sees it under another path, as in a container.
 */
export async function copyThroughOwner(hook: OwnerHook, copy: string, asked: Omit<Question, 'out'>): Promise<void> {
  const question = { ...asked, out: `${asked.live}.shipway-copy` };
  const { out, effect } = question;
  await removeDatabase(out); // of a call that was killed; a file that is there already would pass for the new one
  try {
    if ('argv' in hook) await runHook(hook.argv, question);
    else await postHook(hook, question);
    await gap('stores.duckdb.asked');
    await requireWhole(out, effect);
    await copyFileSynced(out, copy);
  } finally {
    await removeDatabase(out);
  }
}

async function runHook(argv: string[], { live, out, settings, effect }: Question): Promise<void> {
  const bindings = { DATABASE: live, OUT: out, OUT_NAME: basename(out) };
  const result = await runDeclaredCommand({ label: 'copy-with', argv, bindings }, settings, effect);
  if (result.aborted) effect.signal.throwIfAborted();
  if (result.exitCode !== 0 || result.timedOut) throw failed('copy-with', result, settings);
}

async function postHook(
  { post, headers }: { post: string; headers: Record<string, string> },
  { live, out, settings, effect }: Question,
): Promise<void> {
  const resolved = Object.entries(headers).map(([name, text]) => [name, effect.resolve(text)] as const);
  const answer = await request({
    method: 'POST',
    url: effect.resolve(post),
    headers: { 'content-type': 'application/json', ...Object.fromEntries(resolved) },
    body: JSON.stringify({ out, outName: basename(out), database: live }),
    timeoutMs: settings.timeoutSeconds * 1000,
    signal: effect.signal,
  }).catch((error: unknown) => {
    effect.signal.throwIfAborted();
    throw error;
  });
  if (answer.status >= 200 && answer.status < 300) return;
  const said = redact(answer.body.slice(0, ANSWER_SHOWN).trim());
  throw problem('backup-failed', `the service answered ${answer.status} when it was asked for a copy: ${said}`, {
    where: 'stores.duckdb.copy-with.post',
    next: 'Look into the log of the service; it has to answer 2xx when the copy is complete.',
  });
}

/** "Done" is what the hook says; here is looked what it did. */
async function requireWhole(out: string, effect: Effect): Promise<void> {
  const wrong = (what: string): Error => problem('backup-failed', what, { where: out, next: DETACH });
  if ((await factsOf(out))?.type !== 'file') throw wrong('the service says that the copy is made, but there is none');
  if (!(await isDatabase(out))) throw wrong('what the service wrote is not a DuckDB database');
  const holder = await findHolder(out, effect.signal);
  if (holder !== null) throw wrong(`the copy is still open in ${holder}`);
  for (const ending of COMPANIONS) {
    if (((await factsOf(out + ending))?.bytes ?? 0) > 0) throw wrong(`a log lies beside the copy: ${out}${ending}`);
  }
}

async function removeDatabase(path: string): Promise<void> {
  for (const ending of ['', ...COMPANIONS, SPILL]) await removeTree(path + ending);
}
