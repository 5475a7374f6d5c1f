import { serve } from '../../../serve.mjs';
import { openDatabase } from '../../service/open-database.mjs';

const database = openDatabase();
const run = (sql, ...values) => database.prepare(sql).run(...values);

serve(
  {
    'GET /leads': () => database.prepare('SELECT id, email, note, user_id FROM leads ORDER BY id').all(),
    'POST /leads': ({ email, note, user }) => {
      run('INSERT INTO leads (email, note, user_id) VALUES (?, ?, ?)', email, note, user);
      return run('INSERT INTO onboarding_jobs (user_id, step) VALUES (?, 1)', user);
    },
    // The starter automation: it answers every lead that has no note yet.
    'POST /automation/run': () => run("UPDATE leads SET note = 'answered' WHERE note = ''"),
  },
  { close: () => database.close(), health: () => ({ logLevel: process.env.LOG_LEVEL }) },
);
