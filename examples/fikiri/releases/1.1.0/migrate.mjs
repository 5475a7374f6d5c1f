import { migrate } from '../../scripts/migrate.mjs';
import { addUserIdToLeads } from '../../scripts/migrations/001_add_user_id_to_leads.mjs';

migrate([addUserIdToLeads], process.argv.slice(2));
