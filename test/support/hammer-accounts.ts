import pg from 'pg';
import type { PhysicalPostgres } from './physical-postgres.ts';

/** Moves money between accounts until it is told to end; the sum stays what it is. */
export async function hammerAccounts(server: PhysicalPostgres): Promise<{ committed(): number; end(): Promise<void> }> {
  const client = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', database: 'shop' });
  client.on('error', () => undefined);
  await client.connect();
  let committed = 0;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      const [from, to] = [committed % 1000, (committed * 7 + 1) % 1000];
      await client.query(
        `BEGIN; UPDATE accounts SET balance = balance - 3 WHERE id = ${from}; UPDATE accounts SET balance = balance + 3 WHERE id = ${to};
         INSERT INTO rounds VALUES (${committed + 1}); COMMIT`,
      );
      committed += 1;
    }
  })();
  return {
    committed: () => committed,
    end: async () => {
      isOver = true;
      await writing;
      await client.end();
    },
  };
}
