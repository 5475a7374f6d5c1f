import { spawnSync } from 'node:child_process';
import { debianProgram, installDebian, type FoundProgram } from './debian-program.ts';

const PYTHON = '/usr/bin/python3'; // the one that Debian's alembic runs under

/** Debian's alembic with the driver for PostgreSQL, which its package only suggests. */
export function alembicOnPostgres(): FoundProgram {
  const alembic = debianProgram('alembic', 'alembic');
  if (alembic.path === null || hasDriver()) return alembic;
  const fault = installDebian(['python3-psycopg2']);
  if (hasDriver()) return alembic;
  return { path: null, reason: `needs psycopg2 beside alembic: ${fault ?? 'its package brought no such module'}` };
}

function hasDriver(): boolean {
  return spawnSync(PYTHON, ['-c', 'import psycopg2'], { stdio: 'ignore' }).status === 0;
}
