import pg from 'pg';
import { serve } from '../../../serve.mjs';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
// An idle connection that the server ends must not end the service: the next request opens another one.
pool.on('error', (error) => console.error(error.message));
const rows = async (sql, values) => (await pool.query(sql, values)).rows;

serve(
  {
    'GET /users': () => rows('SELECT * FROM users ORDER BY id'),
    'POST /users': ({ email }) => rows('INSERT INTO users (email) VALUES ($1) RETURNING id', [email]),
    // From 1.2.3 on: before, there is no such column.
    'POST /preferences': ({ email, preferences }) =>
      rows('UPDATE users SET preferences = $2 WHERE email = $1 RETURNING id', [email, preferences]),
  },
  {
    close: () => pool.end(),
    health: async () => ({ users: (await rows('SELECT count(*)::int AS n FROM users'))[0].n }),
  },
);
