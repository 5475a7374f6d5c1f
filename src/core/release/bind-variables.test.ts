import { expect, test } from 'vitest';
import { bindVariables } from './bind-variables.ts';

test('both spellings of a known variable are replaced', () => {
  expect(bindVariables('v$VERSION on ${PORT}', { VERSION: '1.2.0', PORT: '80' })).toBe('v1.2.0 on 80');
});

test('a variable whose name only begins alike stays', () => {
  expect(bindVariables('$PORTAL ${PORT_2}', { PORT: '80' })).toBe('$PORTAL ${PORT_2}');
});

test('unknown variables and literal dollars stay for the resolver', () => {
  expect(bindVariables('$TOKEN $$VERSION $', { VERSION: '1' })).toBe('$TOKEN $$VERSION $');
});

test('a dollar inside a value cannot become a variable', () => {
  expect(bindVariables('$REVISION', { REVISION: 'a$TOKEN' })).toBe('a$$TOKEN');
});

test('names from the prototype of an object are not variables', () => {
  expect(bindVariables('$constructor', {})).toBe('$constructor');
});
