import { describe, expect, test } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { applicationNameOf } from '../../core/release/lock-manners.ts';
import { limitedAddresses, limitedSettings } from './session-limits.ts';

const LIMITS = { lockTimeoutMs: 200, statementTimeoutMs: 15_000, applicationName: 'shipway/r' };
const settings = (env: Record<string, string>) => ({ directory: '.', env, timeoutSeconds: 1 });

describe('limits of the sessions of a tool', () => {
  test('libpq and node-postgres read them from the environment; what the release file says wins', () => {
    expect(limitedSettings(settings({}), LIMITS).env).toEqual({
      PGAPPNAME: 'shipway/r',
      PGOPTIONS: '-c lock_timeout=200 -c statement_timeout=15000',
    });
    const own = { PGAPPNAME: 'ours', PGOPTIONS: '-c lock_timeout=9' };
    expect(limitedSettings(settings(own), LIMITS).env).toEqual({
      PGAPPNAME: 'ours',
      PGOPTIONS: '-c lock_timeout=200 -c statement_timeout=15000 -c lock_timeout=9',
    });
    expect(limitedSettings(settings(own), null).env).toEqual(own);
  });

  test('an address takes them as options, unresolved as it was, and one with options of its own is left alone', () => {
    const values: Record<string, string> = {
      $A: 'postgresql://a:p%40@h/shop?schema=app',
      $B: 'postgres://h/shop',
      $C: 'postgresql://h/shop?options=-c%20x%3D1',
      $D: 'mysql://h/shop',
    };
    const effect = createEffect('/', { resolve: (text) => values[text] ?? text });
    const options = `options=${encodeURIComponent('-c lock_timeout=200 -c statement_timeout=15000 -c application_name=shipway/r')}`;
    const given = settings({ A: '$A', B: '$B', C: '$C', D: '$D' });
    expect(limitedAddresses(given, LIMITS, { effect, bindings: {} }).env).toEqual({
      A: `$A&${options}`,
      B: `$B?${options}`,
      C: '$C',
      D: '$D',
    });
  });

  test('a name is short and without spaces, as PostgreSQL keeps it', () => {
    expect(applicationNameOf('r 1/migrate.up/1')).toBe('shipway/r_1/migrate.up/1');
    expect(applicationNameOf('x'.repeat(90))).toHaveLength(63);
  });
});
