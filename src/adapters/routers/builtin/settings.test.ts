import { describe, expect, test } from 'vitest';
import { routerKinds } from '../index.ts';
import { parseListen } from './settings.ts';

describe('the settings of the builtin router', () => {
  test.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['localhost:3000', 'localhost', 3000],
    ['[::]:8080', '::', 8080],
    ['8080', '127.0.0.1', 8080],
    [8080, '127.0.0.1', 8080],
  ])('listen: %s is %s port %i', (value, host, port) => {
    expect(parseListen(value)).toEqual({ host, port });
  });

  test.each([
    '',
    'localhost',
    ':8080',
    '::1:8080',
    '[1.2.3.4]:80',
    '1.2.3:80',
    'a b:80',
    '127.0.0.1:65536',
    'http://x:80',
    -1,
    1.5,
  ])('listen: %j is refused', (value) => {
    expect(parseListen(value)).toBeNull();
  });

  test('say what to write instead of a wrong address', () => {
    const result = routerKinds['builtin']?.settings.safeParse({ listen: 'nowhere', component: 'api' });
    expect(result?.error?.issues[0]).toMatchObject({
      path: ['listen'],
      message: 'is not an address to listen on\nWrite host:port (127.0.0.1:8080, 0.0.0.0:8080, "[::]:8080") or a port.',
    });
  });

  test('refuse a misspelt key', () => {
    expect(routerKinds['builtin']?.settings.safeParse({ listen: 8080, component: 'api', lisen: 1 }).success).toBe(
      false,
    );
  });
});
