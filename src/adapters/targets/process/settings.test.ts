import { describe, expect, test } from 'vitest';
import type { Json } from '../../../core/release/json.ts';
import { componentsOf } from '../components-of.ts';
import { processSettings } from './settings.ts';

const COMMAND = ['node', 'server.mjs'];

function complaints(settings: unknown): string[] {
  const parsed = processSettings.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('settings of the process target', () => {
  test('every default is filled in', () => {
    expect(processSettings.parse({ components: { api: { command: COMMAND } } })).toEqual({
      components: [
        {
          name: 'api',
          command: COMMAND,
          directory: '.',
          env: {},
          port: 'auto',
          health: null,
          startWithinSeconds: 30,
          stopWithinSeconds: 10,
          memoryLimitBytes: null,
        },
      ],
    });
  });

  test('components keep the order of the file', () => {
    const written = { web: { command: COMMAND }, api: { command: COMMAND }, a1: { command: COMMAND } };
    const { components } = processSettings.parse({ components: written });
    expect(components.map(({ name }) => name)).toEqual(['web', 'api', 'a1']);
  });

  test('checked settings survive being stored as JSON, also with sorted keys', () => {
    const health = { get: '/health', expect: { status: 200, json: { version: '$VERSION' } } };
    const checked = processSettings.parse({
      components: { api: { command: COMMAND, health, 'memory-limit': '256MiB', 'start-within': '1m' } },
    });
    const stored = JSON.parse(JSON.stringify(checked)) as Json;
    expect(stored).toEqual(checked);
    expect(componentsOf(stored)).toEqual([{ name: 'api', hasPort: true, health, startWithinSeconds: 60 }]);
  });

  test('a component without port or health question says so', () => {
    const checked = processSettings.parse({
      components: { worker: { command: COMMAND, port: 'none', health: 'none' } },
    });
    expect(componentsOf(checked as unknown as Json)).toEqual([
      { name: 'worker', hasPort: false, health: null, startWithinSeconds: 30 },
    ]);
  });

  test.each([
    [{}, /^components: /],
    [{ components: {} }, /^components: names no component\nName at least one, e\.g\. api\.$/],
    [{ components: { api: {} } }, /^components\.api\.command: is missing\n/],
    [{ components: { api: { command: 'node server.mjs' } } }, /^components\.api\.command: is one text/],
    [{ components: { api: { command: COMMAND, comand: 1 } } }, /^components\.api: .*comand/],
    [{ components: { api: { command: COMMAND, port: 0 } } }, /^components\.api\.port: is not a port\n/],
    [{ components: { api: { command: COMMAND, port: 70000 } } }, /^components\.api\.port: is not a port\n/],
    [{ components: { api: { command: COMMAND, port: 'any' } } }, /^components\.api\.port: is not a port\n/],
    [{ components: { api: { command: COMMAND, 'stop-within': 10 } } }, /^components\.api\.stop-within: is a number/],
    [{ components: { api: { command: COMMAND, 'memory-limit': '1 potato' } } }, /^components\.api\.memory-limit: /],
    [{ components: { '../api': { command: COMMAND } } }, /^components\.\.\.\/api: /],
    [{ components: { Api: { command: COMMAND } } }, /^components\.Api: /],
  ])('%j is refused', (settings, expected) => {
    expect(complaints(settings)).toEqual([expect.stringMatching(expected)]);
  });
});

test('a target that does not tell components apart has one, called service', () => {
  expect(componentsOf({ deploy: ['x'], timeoutSeconds: 600 })).toEqual([
    { name: 'service', hasPort: false, health: null, startWithinSeconds: 600 },
  ]);
});
