import { runMigrations } from '../../service/migrate-notes.mjs';
import { MIGRATIONS } from '../../service/migrations.mjs';

runMigrations(MIGRATIONS.slice(0, 1), process.argv.slice(2));
