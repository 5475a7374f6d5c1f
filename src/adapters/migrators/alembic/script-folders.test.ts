import { expect, test } from 'vitest';
import { scriptFolders, sectionMeant } from './script-folders.ts';

const at = (section = 'alembic') => ({ path: '/p/db/alembic.ini', cwd: '/p/db', section });

test.each([
  [
    'relative to the folder it runs in',
    '[alembic]\nscript_location = migrations\n',
    ['/p/db/migrations', '/p/db/migrations/versions'],
  ],
  [
    'beside the ini file',
    '[alembic]\nscript_location: %(here)s/m\n[other]\nscript_location = x\n',
    ['/p/db/m', '/p/db/m/versions'],
  ],
  [
    'with versions elsewhere',
    '[alembic]\nscript_location = m\nversion_locations = %(here)s/a %(here)s/b\n',
    ['/p/db/m', '/p/db/a', '/p/db/b'],
  ],
  [
    'with a separator of its own',
    '[alembic]\nscript_location = m\nversion_path_separator = os\nversion_locations = a:b\n',
    ['/p/db/m', '/p/db/a', '/p/db/b'],
  ],
  [
    'over several lines',
    '[alembic]\nscript_location = m\n# where\nversion_locations =\n    a\n    b\n',
    ['/p/db/m', '/p/db/a', '/p/db/b'],
  ],
])('scripts are found %s', (_, ini, folders) => {
  const [scripts, ...versions] = folders;
  expect(scriptFolders(ini, at())).toEqual({ scripts, versions });
});

test('another section is read when alembic is started with its name', () => {
  const ini = '[alembic]\nscript_location = m\n[tenants]\nscript_location = t\n';
  expect(sectionMeant(['alembic', '-n', 'tenants'])).toBe('tenants');
  expect(sectionMeant(['alembic', '--name=tenants'])).toBe('tenants');
  expect(sectionMeant(['alembic'])).toBe('alembic');
  expect(scriptFolders(ini, at('tenants'))).toMatchObject({ scripts: '/p/db/t' });
});

test.each([
  ['a package', '[alembic]\nscript_location = shop:migrations\n', 'shop:migrations is no path; list it under `files`'],
  ['nothing', '[alembic]\n', '[alembic] of its ini file has no script_location'],
])('an ini file that names %s is no guess', (_, ini, why) => {
  expect(scriptFolders(ini, at())).toBe(why);
});
