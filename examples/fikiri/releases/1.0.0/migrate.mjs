import { migrate } from '../../scripts/migrate.mjs';

migrate([], process.argv.slice(2));
