import { isProblem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import type { Place } from './place.ts';

/** Pauses before the tries after the first: 15 s in all, as long as a server takes to start again, or to cool down. */
const PAUSES_MS = [1000, 2000, 4000, 8000];

/** The same place, asked again where that can help: a broken connection, a server that is busy. A reading goes on where it broke. */
export function patient(place: Place, effect: Effect): Place {
  const again = <Result>(act: () => Promise<Result>): Promise<Result> => tryAgain(act, effect);
  return {
    names: () => again(() => place.names()),
    files: (folder) => again(() => place.files(folder)),
    find: (path) => again(() => place.find(path)),
    send: (path, sending) => again(() => place.send(path, sending)),
    link: (from, to) => again(() => place.link(from, to)),
    read: (path, from = 0) => readOn(place, effect, path, from),
    remove: (path) => again(() => place.remove(path)),
    removeFolder: (path) => again(() => place.removeFolder(path)),
    close: () => place.close(),
    where: place.where,
  };
}

async function tryAgain<Result>(act: () => Promise<Result>, effect: Effect): Promise<Result> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      await pauseOrThrow(error, tries, effect);
    }
  }
}

/** Every piece that comes is a sign that it goes on, and begins the count anew. */
async function* readOn(place: Place, effect: Effect, path: string, from: number): AsyncIterable<Buffer> {
  let position = from;
  for (let tries = 0; ; tries += 1) {
    try {
      for await (const chunk of place.read(path, position)) {
        position += chunk.length;
        tries = 0;
        yield chunk;
      }
      return;
    } catch (error) {
      await pauseOrThrow(error, tries, effect);
    }
  }
}

async function pauseOrThrow(error: unknown, tries: number, effect: Effect): Promise<void> {
  const pauseMs = PAUSES_MS[tries];
  effect.signal.throwIfAborted();
  if (!isProblem(error) || !error.retry || pauseMs === undefined) throw error;
  effect.report(`${error.message}; trying again in ${pauseMs / 1000} s`);
  await effect.clock.sleep(pauseMs, effect.signal);
}
