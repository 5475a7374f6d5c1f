import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Header } from 'tar';

/** Whole numbers of 64 bits, or UUIDs. */
export type PointId = bigint | string;

export interface Point {
  id: PointId;
  payload: unknown;
  vector: unknown;
}

export interface Collection {
  config: { params: object };
  points: Map<PointId, Point>;
  /** green, yellow, grey or red. */
  status: string;
}

export interface SnapshotFile {
  name: string;
  size: number;
  creation_time: string;
  checksum: string;
}

/** What a server says no with. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** JSON in which whole numbers of 64 bits are numbers, as Rust writes it. */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `@${inner}@` : inner));
  return text.replace(/"@(\d+)@"/g, '$1');
}

export function readJson(text: string): unknown {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|\d{16,}(?![\d.eE])/g, (found) =>
    found.startsWith('"') ? found : `"@${found}@"`,
  );
  return JSON.parse(quoted, (_key, value: unknown) =>
    typeof value === 'string' && /^@\d+@$/.test(value) ? BigInt(value.slice(1, -1)) : value,
  );
}

function idOf(value: unknown): PointId {
  return typeof value === 'string' ? value : BigInt(value as number | bigint);
}

/** The collections, aliases and snapshot files of a fake server; what it holds is real. */
export class FakeQdrantData {
  readonly collections = new Map<string, Collection>();
  readonly aliases = new Map<string, string>();
  /** What the server says about itself and others. */
  cluster: object = { status: 'disabled' };
  readonly folder = mkdtempSync(join(tmpdir(), 'shipway-fake-qdrant-'));
  #made = 0;

  /** By name or alias. */
  collection(name: string): Collection {
    const found = this.collections.get(this.aliases.get(name) ?? name);
    if (found === undefined) throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`);
    return found;
  }

  create(name: string, params: object): void {
    if (this.collections.has(name)) throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`);
    if (this.aliases.has(name))
      throw new Refusal(
        400,
        `Wrong input: Can't create collection with name ${name}. Alias with the same name already exists`,
      );
    this.collections.set(name, { config: { params }, points: new Map(), status: 'green' });
  }

  /** With its aliases, as the real server does. */
  remove(name: string): boolean {
    for (const [alias, target] of this.aliases) if (target === name) this.aliases.delete(alias);
    rmSync(join(this.folder, name), { recursive: true, force: true });
    return this.collections.delete(name);
  }

  put(name: string, points: { id: unknown; payload?: unknown; vector: unknown }[]): void {
    const { points: held } = this.collection(name);
    for (const { id, payload, vector } of points)
      held.set(idOf(id), { id: idOf(id), payload: payload ?? null, vector });
  }

  /** Numbers before UUIDs, each in order. */
  page(name: string, offset: unknown, limit: number): { points: Point[]; next_page_offset: PointId | null } {
    const all = [...this.collection(name).points.values()].sort((a, b) => compare(a.id, b.id));
    const from =
      offset === undefined || offset === null ? 0 : all.findIndex(({ id }) => compare(id, idOf(offset)) >= 0);
    const points = from === -1 ? [] : all.slice(from, from + limit);
    return { points, next_page_offset: from === -1 ? null : (all[from + limit]?.id ?? null) };
  }

  /** All or nothing. */
  changeAliases(
    actions: {
      create_alias?: { alias_name: string; collection_name: string };
      delete_alias?: { alias_name: string };
    }[],
  ): void {
    const next = new Map(this.aliases);
    for (const { create_alias: create, delete_alias: remove } of actions) {
      if (remove !== undefined) next.delete(remove.alias_name);
      if (create === undefined) continue;
      if (!this.collections.has(create.collection_name))
        throw new Refusal(404, `Not found: Collection \`${create.collection_name}\` doesn't exist!`);
      if (this.collections.has(create.alias_name))
        throw new Refusal(400, `Wrong input: Collection \`${create.alias_name}\` already exists!`);
      next.set(create.alias_name, create.collection_name);
    }
    this.aliases.clear();
    for (const [alias, target] of next) this.aliases.set(alias, target);
  }

  /** A tar of one moment, in a file. */
  snapshot(name: string): SnapshotFile {
    const real = this.aliases.get(name) ?? name;
    const { config, points } = this.collection(name);
    const segment = [...points.values()].map((point) => `${writeJson(point)}\n`).join('');
    const archive = Buffer.concat([
      ...entry('config.json', JSON.stringify(config)),
      ...entry('0/segments/points.jsonl', segment),
      Buffer.alloc(1024),
    ]);
    this.#made += 1;
    const file = `${real}-${process.pid}-${new Date().toISOString().replace(/[:.]/g, '-')}-${this.#made}.snapshot`;
    mkdirSync(join(this.folder, real), { recursive: true });
    writeFileSync(join(this.folder, real, file), archive);
    return this.describe(real, file);
  }

  snapshots(name: string): SnapshotFile[] {
    const real = this.aliases.get(name) ?? name;
    this.collection(name);
    return readNames(join(this.folder, real)).map((file) => this.describe(real, file));
  }

  snapshotFile(name: string, file: string): Buffer {
    const real = this.aliases.get(name) ?? name;
    if (!readNames(join(this.folder, real)).includes(file))
      throw new Refusal(404, `Not found: Snapshot ${file} not found`);
    return readFileSync(join(this.folder, real, file));
  }

  removeSnapshot(name: string, file: string): void {
    this.snapshotFile(name, file);
    rmSync(join(this.folder, this.aliases.get(name) ?? name, file));
  }

  /** Overwrites what the collection holds, or makes it. */
  recover(name: string, archive: Buffer, checksum: string | null): void {
    if (checksum !== null && checksum !== sha256(archive)) {
      throw new Refusal(400, `Wrong input: Snapshot checksum mismatch: expected ${checksum}, got ${sha256(archive)}`);
    }
    if (this.aliases.has(name)) throw new Refusal(400, `Wrong input: ${name} is an alias`);
    const files = entriesOf(archive);
    const config = files.get('config.json');
    const segment = files.get('0/segments/points.jsonl');
    if (config === undefined || segment === undefined)
      throw new Refusal(400, 'Wrong input: Failed to read the snapshot archive');
    const points = segment
      .split('\n')
      .filter(Boolean)
      .map((line) => readJson(line) as Point);
    const held = new Map(points.map((point) => [idOf(point.id), { ...point, id: idOf(point.id) }]));
    this.collections.set(name, { config: JSON.parse(config) as Collection['config'], points: held, status: 'green' });
  }

  clear(): void {
    for (const name of this.collections.keys()) this.remove(name);
    this.aliases.clear();
  }

  private describe(real: string, file: string): SnapshotFile {
    const place = join(this.folder, real, file);
    const { size, mtime } = statSync(place);
    return { name: file, size, creation_time: mtime.toISOString().slice(0, 19), checksum: sha256(readFileSync(place)) };
  }
}

function compare(a: PointId, b: PointId): number {
  if (typeof a !== typeof b) return typeof a === 'bigint' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function entry(path: string, text: string): Buffer[] {
  const content = Buffer.from(text);
  const header = new Header({ path, mode: 0o644, size: content.length, mtime: new Date(0), type: 'File' });
  header.encode();
  return [header.block ?? Buffer.alloc(0), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}

function entriesOf(archive: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at + 512 <= archive.length;) {
    const header = new Header(archive, at);
    if (header.nullBlock || !header.cksumValid) break;
    const size = header.size ?? 0;
    found.set(header.path ?? '', archive.subarray(at + 512, at + 512 + size).toString('utf8'));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}
