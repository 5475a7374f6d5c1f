import type { ObjectSink } from '../../src/adapters/stores/store.ts';

const OBJECT_BYTES = 4 * 1024 * 1024;

/** A sink that keeps what is written in memory; `before` is what the newest backup has. */
export function memorySink(
  before: ReadonlyMap<string, Buffer> = new Map(),
): ObjectSink & { objects: Map<string, Buffer> } {
  const objects = new Map<string, Buffer>();
  return {
    objects,
    note: null,
    bytesOf: (name) => before.get(name)?.length ?? null,
    take: async (name) => before.has(name),
    space: async () => Buffer.alloc(OBJECT_BYTES),
    write: async (space, bytes) => {
      const name = `object ${before.size + objects.size}`;
      objects.set(name, space.subarray(0, bytes));
      return name;
    },
    keep: async () => undefined,
  };
}
