import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  visit,
  type Alias,
  type Document,
  type LineCounter,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Json } from '../release/json.ts';
import type { ConfigPath } from './config-problem.ts';
import { nodeKey, type Place, type Remark, type SourceNode } from './source.ts';

/** Aliases multiply: ten lines can stand for ten to the ninth values. A large release file has two thousand. */
const VALUES_MAX = 20_000;
/** Counted with what aliases stand for. */
const DEPTH_MAX = 64;

const NO_WORD = {
  message: 'a key is not a plain word',
  fix: 'Write "key: value"; put a text that starts with { or [ in quotes.',
  found: null,
};

interface Reading {
  /** What each alias stands for; asked from the parser one by one it would take quadratic time. */
  meant: Map<Alias, Node>;
  text: string;
  lines: LineCounter;
  nodes: Map<string, SourceNode>;
  problems: Remark[];
  warnings: Remark[];
  values: number;
}

/** The plain values of a parsed document, the place of each, and what cannot be told from the values afterwards. */
export function plainFromYaml(
  document: Document,
  text: string,
  lines: LineCounter,
): Pick<Reading, 'nodes' | 'problems' | 'warnings'> & { root: Json; complete: boolean } {
  const reading: Reading = {
    meant: meaningOfAliases(document),
    text,
    lines,
    nodes: new Map(),
    problems: [],
    warnings: [],
    values: 0,
  };
  const root = plain(reading, document.contents as Node, { path: [], key: null, above: [] });
  if (reading.values > VALUES_MAX) {
    const message = `the file stands for more than ${VALUES_MAX} values`;
    return {
      ...reading,
      root,
      complete: false,
      problems: [{ path: [], message, found: null, fix: 'Remove aliases (*name) that repeat other aliases.' }],
    };
  }
  return { ...reading, root, complete: true };
}

function meaningOfAliases(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const meant = new Map<Alias, Node>();
  visit(document, {
    Node: (_key, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const anchored = anchors.get(node.source);
      if (anchored !== undefined) meant.set(node, anchored);
    },
  });
  return meant;
}

interface Spot {
  path: (string | number)[];
  key: Place | null;
  /** The nodes around this one, with what aliases stand for: an alias to one of them would never end. */
  above: Node[];
}

function plain(reading: Reading, node: Node | null, spot: Spot): Json {
  reading.values += 1;
  if (reading.values > VALUES_MAX) return null;
  if (node !== null && !reading.nodes.has(nodeKey(spot.path))) note(reading, node, spot);
  if (node === null) return noteEmpty(reading, spot);
  if (isAlias(node)) return plainAlias(reading, node, spot);
  if (spot.above.length > DEPTH_MAX)
    return remark(
      reading,
      spot.path,
      `nests deeper than ${DEPTH_MAX} levels`,
      'Remove aliases that contain each other.',
    );
  const above = [...spot.above, node];
  if (isSeq(node)) {
    return node.items.map((item, index) =>
      plain(reading, item as Node | null, { path: [...spot.path, index], key: null, above }),
    );
  }
  if (isMap(node)) return plainMap(reading, node, { ...spot, above });
  return plainScalar(reading, node as Scalar, spot.path);
}

function note(reading: Reading, node: Node, spot: Spot): void {
  const [start = 0, end = start] = node.range ?? [];
  const written = isScalar(node) ? reading.text.slice(start, end) : null;
  reading.nodes.set(nodeKey(spot.path), { key: spot.key, value: placeAt(reading, start), written });
}

function noteEmpty(reading: Reading, spot: Spot): null {
  reading.nodes.set(nodeKey(spot.path), { key: spot.key, value: spot.key, written: null });
  return null;
}

function placeAt(reading: Reading, offset: number): Place {
  const { line, col } = reading.lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function plainAlias(reading: Reading, alias: Alias, spot: Spot): Json {
  const meant = reading.meant.get(alias);
  const written = `*${alias.source}`;
  if (meant === undefined) {
    return remark(
      reading,
      spot.path,
      `the alias ${written} has no anchor above it`,
      `Write &${alias.source} at the value that is meant.`,
    );
  }
  if (spot.above.includes(meant)) {
    return remark(reading, spot.path, `the alias ${written} stands inside what it repeats`, 'Write the value itself.');
  }
  return plain(reading, meant, spot);
}

function plainMap(reading: Reading, map: YAMLMap, spot: Spot): Json {
  const entries = new Map<string, Json>();
  for (const pair of map.items) {
    const key = keyText(reading, pair.key as Node | null);
    const place = placeAt(reading, (pair.key as Node | null)?.range?.[0] ?? 0);
    if (key === null || !isPassable(key)) {
      reading.problems.push({ path: spot.path, place, ...NO_WORD });
      continue;
    }
    const path = [...spot.path, key];
    if (entries.has(key)) {
      reading.problems.push({
        path,
        place,
        message: `the key is there twice, first in line ${reading.nodes.get(nodeKey(path))?.key?.line}`,
        found: null,
        fix: 'Keep one of the two.',
      });
      continue;
    }
    entries.set(key, plain(reading, pair.value as Node | null, { path, key: place, above: spot.above }));
  }
  return Object.fromEntries(entries);
}

/** Keys are taken as written: `1.10:` and `true:` are names, not a number and a truth. */
function keyText(reading: Reading, key: Node | null): string | null {
  if (!isScalar(key)) return null;
  if (typeof key.value === 'string') return key.value;
  const [start, end] = key.range ?? [0, 0];
  return start === end ? null : reading.text.slice(start, end);
}

function plainScalar(reading: Reading, scalar: Scalar, path: ConfigPath): Json {
  const value = scalar.value;
  if (typeof value === 'string') return plainText(reading, value, path);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value !== 'number')
    return remark(
      reading,
      path,
      'is of a kind that a release file has no use for',
      'Remove the tag (the word after the !).',
    );
  const written = reading.nodes.get(nodeKey(path))?.written ?? '';
  if (!Number.isFinite(value))
    return remark(reading, path, 'is not a number with a value', 'Write a number in digits.');
  // 1.10 is the number 1.1, and 12345678901234567890 loses its last digits: both were probably meant as texts.
  if (/^[-+]?\d+(\.\d+)?$/.test(written) && String(value) !== written.replace(/^\+/, '')) {
    reading.warnings.push({
      path,
      message: `is read as the number ${value}`,
      found: written,
      fix: `Put it in quotes if it is a version or an id: "${written}".`,
    });
  }
  return value;
}

function plainText(reading: Reading, value: string, path: ConfigPath): Json {
  if (!isPassable(value)) {
    return remark(
      reading,
      path,
      'contains a character that cannot be passed on (NUL or half a surrogate pair)',
      'Remove it.',
    );
  }
  return value;
}

/** No NUL, which no program takes as an argument, and no half of a surrogate pair, which JSON cannot hold. */
function isPassable(text: string): boolean {
  return !text.includes('\0') && !/[\uD800-\uDFFF]/u.test(text);
}

function remark(reading: Reading, path: ConfigPath, message: string, fix: string): null {
  reading.problems.push({ path, message, fix, found: null });
  return null;
}
