import { expect, test } from 'vitest';
import { z } from 'zod';
import { argvSetting, byteSizeSetting, durationSetting } from './settings.ts';

const settings = z.strictObject({
  command: argvSetting(),
  'start-within': durationSetting('30s').describe('Limit.'),
  'stop-within': durationSetting().optional(),
  'memory-limit': byteSizeSetting().optional(),
});

function complaints(value: unknown): string[] {
  return settings.safeParse(value).error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`) ?? [];
}

test('quantities are written as text and read as numbers, with the default filled in', () => {
  expect(settings.parse({ command: ['node'], 'memory-limit': '256MiB' })).toEqual({
    command: ['node'],
    'start-within': 30,
    'memory-limit': 268_435_456,
  });
});

test('a complaint names the value that is wrong and what to write, on two lines', () => {
  expect(complaints({ command: 'npm test', 'start-within': 30, 'memory-limit': '1 elephant' })).toEqual([
    'command is one text, and no shell will split it\nWrite the program and its arguments as a list: [npm, test].',
    'start-within is a number without a unit\nWrite the unit: 30s, 30m or 30h.',
    'memory-limit is not a size\nWrite a number and a unit: 512KiB, 256MiB, 2GiB (or KB, MB, GB for powers of 1000).',
  ]);
  expect(complaints({ command: [] })).toEqual([
    'command is empty\nWrite the program and its arguments as a list: [npm, test].',
  ]);
});

test('the schema for editors shows the written form and the default text', () => {
  const schema = z.toJSONSchema(settings, { target: 'draft-7', io: 'input' });
  expect(schema).toMatchObject({
    required: ['command'],
    properties: { 'start-within': { type: 'string', default: '30s', description: 'Limit.' } },
  });
});
