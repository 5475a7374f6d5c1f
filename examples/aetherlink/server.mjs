import { createClient } from '@redis/client';
import { serve } from '../../../serve.mjs';
import { record } from '../../audit.mjs';
import { letGo, withKnowledge } from '../../knowledge.mjs';

const { VERSION, ADMIN_KEY, EMBED_PROVIDER } = process.env;
const redis = createClient({ url: process.env.REDIS_URL });
redis.on('error', (error) => console.error(error.message));
await redis.connect();

// 1.1.0 has a fault that is not seen at once: its vectors are all the same.
const embed = (id) => (VERSION === '1.1.0' ? [0, 0, 0] : [id, id / 2, id / 3]);

async function ingest(url) {
  const id = await withKnowledge(async (database) => {
    const [[next]] = (await database.runAndReadAll('SELECT coalesce(max(id), 0) + 1 FROM documents')).getRows();
    await database.run('BEGIN');
    await database.run(`INSERT INTO documents VALUES (${next}, '${url.replaceAll("'", "''")}', '${VERSION}')`);
    await database.run(
      `INSERT INTO chunks VALUES (${next}, [${embed(next).join(', ')}]), (${next}, [${embed(next + 1).join(', ')}])`,
    );
    await database.run('COMMIT');
    return next;
  });
  record('ingest_url', { url, id });
  return { id };
}

serve(
  {
    'POST /ingest-url': ({ url }) => ingest(url),
    // For the worker: what waits here is done later, by whichever version is there then.
    'POST /ingest-later': async ({ url }) => ({ waiting: await redis.lPush('jobs', url) }),
    'POST /work': async () => {
      const url = await redis.rPop('jobs');
      return url === null ? { id: null } : ingest(url);
    },
    'GET /admin/overview': () =>
      withKnowledge(async (database) => {
        const [[documents]] = (await database.runAndReadAll('SELECT count(*)::INTEGER FROM documents')).getRows();
        return { documents };
      }),
    // Only the owner of the file can copy it while it writes.
    'POST /admin/copy': ({ out }, _, { 'x-api-key': key }) => {
      if (key !== ADMIN_KEY) throw new Error('the key is wrong');
      return withKnowledge(async (database) => {
        const [[name]] = (await database.runAndReadAll('SELECT current_database()')).getRows();
        await database.run(`ATTACH '${out.replaceAll("'", "''")}' AS copied`);
        try {
          await database.run(`COPY FROM DATABASE "${name}" TO copied`);
        } finally {
          await database.run('DETACH copied');
        }
        return { copied: true };
      });
    },
  },
  {
    health: async () => ({ redis: await redis.ping(), provider: EMBED_PROVIDER }),
    async close() {
      await letGo();
      redis.destroy();
    },
  },
);
