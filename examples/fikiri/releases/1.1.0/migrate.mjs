import { migrate } from '../../service/migrate.mjs';
import { addUserIdToLeads } from '../../migrations/001-add-user-id-to-leads.mjs';

migrate([addUserIdToLeads], process.argv.slice(2));
