// Asked of the migrated copy in a rehearsal: every user can be read, and has an address.
import pg from 'pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const { rows } = await client.query(
  "SELECT count(*)::int AS users, count(*) FILTER (WHERE email LIKE '%@%')::int AS good FROM users",
);
await client.end();
console.log(`${rows[0].good} of ${rows[0].users} users have an address`);
process.exitCode = rows[0].users > 0 && rows[0].good === rows[0].users ? 0 : 1;
