import type { ReleaseView } from '../../app/release-view.ts';
import { printable } from './printable.ts';
import { taggedLine } from './step-line.ts';
import type { Style } from './style.ts';

/** What a release waits for, who can end the waiting, and the command to type; null when it does not wait, or not any more. */
export function waitingText(release: ReleaseView): { phase: string; text: string } | null {
  const waiting = release.waitingFor;
  if (waiting === null || release.finishedAt !== null) return null;
  if (waiting['kind'] === 'approval') {
    const count = typeof waiting['count'] === 'number' ? waiting['count'] : 1;
    const from = Array.isArray(waiting['from']) ? waiting['from'].map(String) : [];
    const who = from.length > 0 ? `of ${from.join(', ')}` : 'by anybody who may';
    const text = `waits for ${count} approval${count === 1 ? '' : 's'} ${who}; approve it: shipway approve ${release.id}`;
    return { phase: 'gate', text: printable(text) };
  }
  const by = typeof waiting['by'] === 'string' ? waiting['by'] : 'a person';
  const reason = typeof waiting['reason'] === 'string' ? `: ${waiting['reason']}` : '';
  return { phase: 'paused', text: printable(`by ${by}${reason}; go on: shipway resume ${release.id}`) };
}

export function waitingLine(style: Style, release: ReleaseView): string | null {
  const waiting = waitingText(release);
  return waiting === null ? null : taggedLine(style, 'wait', waiting.phase, waiting.text);
}
