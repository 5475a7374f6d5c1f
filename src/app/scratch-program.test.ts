import { describe, expect, test } from 'vitest';
import type { Chosen, ScratchConfig } from '../core/config/service-config.ts';
import type { Json } from '../core/release/json.ts';
import { createEffect } from '../../test/support/create-effect.ts';
import { requireAway, requireLed, scratchComponents, scratchTarget, type LivePlace } from './scratch-program.ts';

const SCRATCH: ScratchConfig = {
  env: { DATABASE_URL: '$SCRATCH_ORDERS_DB_URL' },
  components: null,
  start: null,
  without: [],
  checks: null,
};
const target = (components: Json[]): Chosen => ({ kind: 'process', settings: { components } });
const api = (env: Record<string, string>, more: object = {}) => ({
  name: 'api',
  command: ['node', 'main.mjs'],
  directory: 'releases/$VERSION',
  port: 8080,
  env,
  ...more,
});
const place = { environment: 'production', scratch: SCRATCH };

describe('what is started on a copy', () => {
  test('is the components of a process target, led to the copies, each on a port that is free', () => {
    const components = scratchComponents(target([api({ DATABASE_URL: '$DATABASE_URL', MODE: 'x' })]), SCRATCH);
    expect(scratchTarget(components).settings).toMatchObject({
      components: [{ name: 'api', port: 'auto', env: { DATABASE_URL: '$SCRATCH_ORDERS_DB_URL', MODE: 'x' } }],
    });
  });

  test('is only what is named, and a worker that listens nowhere goes on doing so', () => {
    const both = target([api({}), { ...api({}), name: 'worker', port: 'none' }]);
    const components = scratchComponents(both, { ...SCRATCH, components: ['worker'] });
    expect(scratchTarget(components).settings).toMatchObject({ components: [{ name: 'worker', port: 'none' }] });
  });

  test('is one program where the target starts nothing beside what runs, and refused where none is named', () => {
    const command: Chosen = { kind: 'command', settings: {} };
    expect(() => scratchComponents(command, SCRATCH)).toThrow('starts nothing beside what runs');
    const start = { command: ['node', 'a.mjs'], directory: '.', startWithinSeconds: 3 };
    const [only] = scratchComponents(command, { ...SCRATCH, start });
    expect(only).toMatchObject({ name: 'service', command: ['node', 'a.mjs'], rest: { startWithinSeconds: 3 } });
  });
});

describe('a store is led to its copy', () => {
  const check =
    (env: Record<string, string>, more: object = {}) =>
    (): void =>
      requireLed(scratchComponents(target([api(env, more)]), SCRATCH), ['orders-db'], place);

  test('when a component is given the variable, in its own or in the text of another one', () => {
    expect(check({ DATABASE_URL: '$DATABASE_URL' })).not.toThrow();
    expect(check({ OTHER: '${DATABASE_URL}?a' })).not.toThrow();
    expect(check({}, { command: ['node', 'main.mjs', '$DATABASE_URL'] })).not.toThrow();
  });

  test('and not when nobody is given it, or when nothing names the copy', () => {
    expect(check({ DATABASE: 'x' })).toThrow('no component (api) is given DATABASE_URL in a release');
    const components = scratchComponents(target([api({ DATABASE_URL: '' })]), SCRATCH);
    expect(() => requireLed(components, ['orders'], place)).toThrow(
      'nothing leads the version to the copy of "orders"',
    );
  });
});

describe('nothing leads to live data', () => {
  const live: LivePlace[] = [
    { store: 'database', text: 'postgresql://shop:secret@db.example.org:5432/shop' },
    { store: 'uploads', text: '/srv/shop/data/uploads' },
    { store: 'sessions', text: 'redis://:secret@cache.example.org' },
  ];
  const check =
    (env: Record<string, string>, command = ['node', 'main.mjs']) =>
    (): void => {
      const effect = createEffect('/srv/shop');
      const components = scratchComponents(target([api(env, { command })]), { ...SCRATCH, env: {} });
      requireAway(components, { live, router: '127.0.0.1:8080', version: '1.0.0' }, effect);
    };

  test.each([
    ['the same address', 'postgresql://shop:secret@db.example.org:5432/shop'],
    ['the same database for another user', 'postgresql://reader@db.example.org:5432/shop'],
    ['another database of the same Redis server', 'redis://cache.example.org:6379/7'],
    ['the path', '/srv/shop/data/uploads'],
    ['a file in it', '/srv/shop/data/uploads/a.txt'],
    ['the path as the program sees it', '../../data/uploads'],
    ['a folder that holds it', '/srv/shop/data'],
    ['the path in an address', 'file:/srv/shop/data/uploads'],
    ['the service that runs', 'http://127.0.0.1:8080/api'],
  ])('%s is refused: %s', (_, text) => {
    expect(check({ PLACE: text })).toThrow(/^api would be led to .* by PLACE$/);
  });

  test('an argument is looked at like a variable, but a folder above the data is not the data', () => {
    expect(check({}, ['node', '/srv/shop/data/uploads'])).toThrow('by the argument /srv/shop/data/uploads');
    expect(check({}, ['node', '/srv/shop'])).not.toThrow();
  });

  test.each([
    ['another database of the same server', 'postgresql://shop:secret@db.example.org:5432/shop__rehearsal_abc'],
    ['another Redis server of the same machine', 'redis://cache.example.org:6380/7'],
    ['a folder beside it', '/srv/shop/data/uploads-of-others'],
    ['a word', 'uploads'],
    ['nothing', ''],
  ])('%s is let through: %s', (_, text) => {
    expect(check({ PLACE: text })).not.toThrow();
  });
});
