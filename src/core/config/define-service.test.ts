import { expect, expectTypeOf, test } from 'vitest';
import { defineService } from './define-service.ts';
import type { ReleaseFile } from './file-schema.ts';

test('a service is given back as it was defined', () => {
  const config: ReleaseFile = { service: 'notes', environments: { production: { target: { command: {} } } } };
  expect(defineService(config)).toBe(config);
});

test('the types know the keys and words of the release file', () => {
  type Environment = ReleaseFile['environments'][string];
  expectTypeOf<Environment['keep-old']>().toEqualTypeOf<'until-stable' | 'until-verified' | undefined>();
  expectTypeOf<Environment['drain']>().toEqualTypeOf<string | undefined>();
  expectTypeOf<'drane'>().not.toExtend<keyof Environment>();
});
