import { expect, test } from 'vitest';
import type { NamedCheck, ScratchConfig } from '../core/config/service-config.ts';
import type { Json } from '../core/release/json.ts';
import { smokeChecks } from './smoke-checks.ts';

const SCRATCH: ScratchConfig = { env: {}, components: null, start: null, without: [], checks: null };
const check = (name: string, kind: string, settings: Json): NamedCheck => {
  return { name, kind, settings, tries: 1, everySeconds: 0, timeoutSeconds: 1 };
};
const get = (url: string): NamedCheck => check(url, 'http', { method: 'GET', url });
const urls = (...checks: NamedCheck[]): Json[] =>
  smokeChecks(checks, SCRATCH, 'production').checks.map(({ settings }) => (settings as { url: Json }).url);

test('HTTP checks are sent to the version on the copy: the same path, another host', () => {
  expect(urls(get('https://shop.example.org/health'), get('https://shop.example.org'))).toEqual(['/health', '/']);
  expect(urls(get('$PUBLIC/health?a=1'), get('$PUBLIC/x'))).toEqual(['/health?a=1', '/x']);
  expect(urls(get('${PUBLIC}/x'))).toEqual(['/x']);
});

test('checks that run a command are left out and named', () => {
  const { checks, notAsked } = smokeChecks([get('/health'), check('Smoke', 'command', {})], SCRATCH, 'production');
  expect(checks.map(({ name }) => name)).toEqual(['/health']);
  expect(notAsked).toEqual(['"Smoke" of verify, which may ask the live service (name it under scratch: checks)']);
});

test('checks of scratch take the place of all of them', () => {
  const own = [check('Own', 'command', {})];
  expect(smokeChecks([get('/health')], { ...SCRATCH, checks: own }, 'production')).toEqual({
    checks: own,
    notAsked: [],
  });
});

test.each([
  ['verify has no HTTP check to send to it', []],
  ['verify asks several hosts, and only one of them is the version', [get('http://a/x'), get('http://b/x')]],
  ['stands in a variable', [get('$HEALTH_URL')]],
])('where nobody could tell what to ask it is refused: %s', (message, checks) => {
  expect(() => smokeChecks(checks, SCRATCH, 'production')).toThrow(message);
});
