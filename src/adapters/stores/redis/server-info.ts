import type { RedisConnection } from './connection.ts';

/** What `INFO` says, by name. */
export type ServerInfo = ReadonlyMap<string, string>;

/** One section of `INFO`. */
export async function readInfo(connection: RedisConnection, section: string): Promise<ServerInfo> {
  const lines = (await connection.text('INFO', section)).split('\r\n');
  return new Map(lines.filter((line) => line.includes(':')).map((line) => splitAt(line, line.indexOf(':'))));
}

function splitAt(line: string, at: number): [string, string] {
  return [line.slice(0, at), line.slice(at + 1)];
}

/** `redis 7.0.15`, `valkey 8.0.1`. */
export function engineOf(info: ServerInfo): string {
  const name = info.get('server_name') ?? 'redis';
  return `${name} ${info.get(`${name}_version`) ?? info.get('redis_version') ?? 'unknown'}`;
}

export function majorVersion(info: ServerInfo): number {
  return Number((info.get('redis_version') ?? '0').split('.')[0]);
}

export interface DatabaseSize {
  database: number;
  keys: number;
  /** Of them, those with a time to live. */
  expiring: number;
}

/** The databases that hold keys, in order. */
export async function readKeyspace(connection: RedisConnection): Promise<DatabaseSize[]> {
  const info = await readInfo(connection, 'keyspace');
  const sizes = [...info].flatMap(([name, value]) => {
    const found = /^db(\d+):keys=(\d+),expires=(\d+)/.exec(`${name}:${value}`);
    return found ? [{ database: Number(found[1]), keys: Number(found[2]), expiring: Number(found[3]) }] : [];
  });
  return sizes.sort((left, right) => left.database - right.database);
}

/** The names under which the server keeps its data; the usual ones where it does not tell (managed servers hide CONFIG). */
export interface FileNames {
  dump: string;
  appendFolder: string;
  appendFile: string;
}

export async function readFileNames(connection: RedisConnection): Promise<FileNames> {
  return {
    dump: await readSetting(connection, 'dbfilename', 'dump.rdb'),
    appendFolder: await readSetting(connection, 'appenddirname', 'appendonlydir'),
    appendFile: await readSetting(connection, 'appendfilename', 'appendonly.aof'),
  };
}

async function readSetting(connection: RedisConnection, name: string, usual: string): Promise<string> {
  try {
    const reply = await connection.call('CONFIG', 'GET', name);
    const value = Array.isArray(reply) ? reply[1] : null;
    return Buffer.isBuffer(value) && value.length > 0 ? value.toString('utf8') : usual;
  } catch {
    return usual; // a wrong guess is found out: the saved file is then not where it is looked for
  }
}
