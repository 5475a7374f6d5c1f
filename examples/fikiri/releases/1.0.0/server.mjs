import { serve } from '../../../serve.mjs';
import { openDatabase } from '../../service/open-database.mjs';

const database = openDatabase();

serve(
  {
    'GET /leads': () => database.prepare('SELECT id, email, note FROM leads ORDER BY id').all(),
    'POST /leads': ({ email, note }) =>
      database.prepare('INSERT INTO leads (email, note) VALUES (?, ?)').run(email, note),
  },
  { close: () => database.close(), health: () => ({ logLevel: process.env.LOG_LEVEL }) },
);
