import { expect, test } from 'vitest';
import { explainEvent } from './event.ts';
import type { JournalEvent } from './event.ts';

const frame = { release: 'r-0001', service: 'shop', environment: 'production', actor: { kind: 'person', id: 'ada' } };
const event = (type: string, data: unknown): JournalEvent => ({ ...frame, type, data }) as unknown as JournalEvent;

test('an event with the fields of its type is right, whether optional ones are there or not', () => {
  expect(explainEvent(event('gate.approved', { plan: 'sha256:1', reason: 'looks good' }))).toBeNull();
  expect(explainEvent(event('gate.approved', { plan: 'sha256:1' }))).toBeNull();
  expect(explainEvent(event('release.stable', { anything: { at: ['all'] } }))).toBeNull();
});

test.each([
  ['an unknown type', event('gate.opened-wide', {}), 'there is no event type "gate.opened-wide"'],
  ['a missing field', event('gate.approved', { reason: 'x' }), 'data.plan is not text'],
  [
    'a field of another kind',
    event('step.started', { step: 's', attempt: 1.5, interrupted: false }),
    'data.attempt is not whole',
  ],
  [
    'a field that no rule names',
    event('lock.freed', { environment: 'SECRET=1' }),
    'data.environment is not a field of this event type',
  ],
  ['an inherited name', event('lock.freed', { toString: 'x' }), 'data.toString is not a field of this event type'],
  [
    'an actor of an unknown kind',
    { ...event('lock.freed', {}), actor: { kind: 'ghost', id: 'x' } } as never,
    'actor is not {kind, id}',
  ],
  ['an empty release', { ...event('lock.freed', {}), release: '' } as never, 'release is not a text or null'],
])('%s is named', (_, wrong, said) => {
  expect(explainEvent(wrong)).toBe(said);
});
