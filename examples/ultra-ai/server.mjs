import { createClient } from '@redis/client';
import pg from 'pg';
import { serve } from '../../../serve.mjs';

// 1.2.3 has a fault that is not seen at once: it answers every prompt in capitals, and keeps that.
const answerTo = process.env.VERSION === '1.2.3' ? (text) => text.toUpperCase() : (text) => `answer to ${text}`;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on('error', (error) => console.error(error.message));
const cache = createClient({ url: process.env.REDIS_URL });
cache.on('error', (error) => console.error(error.message));
await cache.connect();
const rows = async (sql, values) => (await pool.query(sql, values)).rows;

serve(
  {
    async 'POST /prompts'({ text }) {
      const sql = 'INSERT INTO prompts (text, answer) VALUES ($1, $2) RETURNING id, answer';
      return (await rows(sql, [text, answerTo(text)]))[0];
    },
    async 'GET /prompts'(_, { id }) {
      const cached = await cache.get(`prompt:${id}`);
      if (cached !== null) return { answer: cached, from: 'cache' };
      const [found] = await rows('SELECT answer FROM prompts WHERE id = $1', [id]);
      if (found === undefined) return { answer: null, from: 'database' };
      await cache.set(`prompt:${id}`, found.answer);
      return { answer: found.answer, from: 'database' };
    },
  },
  {
    health: async () => ({
      database: (await rows('SELECT 1')).length === 1,
      redis: await cache.ping(),
      model: process.env.LLM_MODEL,
    }),
    async close() {
      await pool.end();
      cache.destroy();
    },
  },
);
