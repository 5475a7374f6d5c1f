import { HTTP_VERBS, type CommandCheckWords, type HttpCheckWords, type HttpVerb } from './check-words.ts';
import type { ConfigPath } from './config-problem.ts';

/** The strict settings of a check, and where each of them stands in the file. */
export interface ExpandedCheck {
  settings: { [key: string]: unknown };
  /** From a path in the settings to the path below the check in the file. */
  written: (path: PropertyKey[]) => PropertyKey[];
}

/** `{ get: URL, expect, within }` → `{ method, url, headers, body, expect: { status, json, header, bodyContains }, withinMs }`; only what was written. */
export function expandHttpCheck(words: HttpCheckWords): ExpandedCheck {
  const verb = HTTP_VERBS.find((one) => words[one] !== undefined) as HttpVerb;
  const expected = words.expect;
  const expect = defined({
    status: expected?.status,
    json: expected?.json,
    header: expected?.header,
    bodyContains: expected?.['body-contains'],
  });
  const settings = defined({
    method: verb.toUpperCase(),
    url: words[verb],
    headers: words.headers,
    body: words.body,
    expect: expected === undefined ? undefined : expect,
    withinMs: words.within === undefined ? undefined : Math.round(words.within * 1000),
  });
  return {
    settings,
    written: renamed([
      [['method'], [verb]],
      [['url'], [verb]],
      [['withinMs'], ['within']],
      [
        ['expect', 'bodyContains'],
        ['expect', 'body-contains'],
      ],
    ]),
  };
}

/** `{ run: [argv], directory, env, expect: { exit, output } }` → `{ argv, directory, env, expectExit, expectOutput }`; only what was written. */
export function expandCommandCheck(words: CommandCheckWords): ExpandedCheck {
  const settings = defined({
    argv: words.run,
    directory: words.directory,
    env: words.env,
    expectExit: words.expect?.exit,
    expectOutput: words.expect?.output,
  });
  return {
    settings,
    written: renamed([
      [['argv'], ['run']],
      [['expectExit'], ['expect', 'exit']],
      [['expectOutput'], ['expect', 'output']],
    ]),
  };
}

function defined(values: { [key: string]: unknown }): { [key: string]: unknown } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function renamed(names: readonly [from: ConfigPath, to: ConfigPath][]): (path: PropertyKey[]) => PropertyKey[] {
  return (path) => {
    const found = names.find(([from]) => from.every((part, index) => path[index] === part));
    return found === undefined ? path : [...found[1], ...path.slice(found[0].length)];
  };
}
