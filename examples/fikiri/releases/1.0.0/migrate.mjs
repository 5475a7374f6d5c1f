import { migrate } from '../../service/migrate.mjs';

migrate([], process.argv.slice(2));
