import { dirname, resolve } from 'node:path';

/** Folders of alembic, absolute. */
export interface ScriptFolders {
  /** With env.py. */
  scripts: string;
  /** With the revisions. */
  versions: string[];
}

/** Where alembic finds its scripts, as its ini file says; or why that cannot be told. */
export function scriptFolders(ini: string, at: { path: string; cwd: string; section: string }): ScriptFolders | string {
  const values = sectionOf(ini, at.section);
  const here = dirname(at.path);
  const read = (key: string): string => (values.get(key) ?? '').replaceAll('%(here)s', here).replaceAll('%%', '%');
  const scripts = read('script_location').trim();
  if (scripts === '') return `[${at.section}] of its ini file has no script_location`;
  const separator = read('path_separator') || read('version_path_separator');
  const versions = read('version_locations')
    .split(SEPARATORS[separator] ?? /[\s,]+/)
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const all = [scripts, ...(versions.length === 0 ? [`${scripts}/versions`] : versions)];
  // `package:folder` is found by Python alone.
  const inPackage = all.find((one) => /^[\w.]+:/.test(one) || one.includes('%('));
  if (inPackage !== undefined) return `${inPackage} is no path; list it under \`files\``;
  const [first = '', ...others] = all.map((one) => resolve(at.cwd, one));
  return { scripts: first, versions: others };
}

const SEPARATORS: Record<string, RegExp> = { os: /[:\n]/, ':': /[:\n]/, ';': /[;\n]/, newline: /\n/ };

/** The keys of one section of an ini file as Python reads it: `key = value` or `key: value`, lines that are indented go on. */
function sectionOf(ini: string, section: string): Map<string, string> {
  const values = new Map<string, string>();
  let isInside = false;
  let key = '';
  for (const line of ini.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, name] = /^\[(.*)\]\s*$/.exec(line) ?? [];
    if (name !== undefined) {
      isInside = name === section;
      key = '';
      continue;
    }
    if (!isInside) continue;
    if (/^\s/.test(line) && key !== '') {
      values.set(key, `${values.get(key) ?? ''}\n${line.trim()}`);
      continue;
    }
    const [, found = '', value = ''] = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    key = found.toLowerCase();
    if (key !== '') values.set(key, value.trim());
  }
  return values;
}

/** The section that is meant, from how alembic is started: `-n tenants`. */
export function sectionMeant(command: readonly string[]): string {
  const at = command.findIndex((word) => word === '-n' || word === '--name');
  const joined = command.find((word) => word.startsWith('--name='));
  return joined?.slice('--name='.length) ?? (at < 0 ? 'alembic' : (command[at + 1] ?? 'alembic'));
}
