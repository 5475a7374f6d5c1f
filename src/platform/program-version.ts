import { readFileSync } from 'node:fs';

/** The version of this program, from the package it is part of; the same from source and from the build. */
export function programVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
