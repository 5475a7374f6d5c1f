/** Leads belong to a user; onboarding and the dashboard have tables of their own. */
export const addUserIdToLeads = {
  name: '001_add_user_id_to_leads',
  up: `ALTER TABLE leads ADD COLUMN user_id INTEGER;
CREATE TABLE onboarding_jobs (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, step INTEGER NOT NULL);
CREATE TABLE metrics_daily (day TEXT PRIMARY KEY, leads INTEGER NOT NULL)`,
  down: `DROP TABLE metrics_daily;
DROP TABLE onboarding_jobs;
ALTER TABLE leads DROP COLUMN user_id`,
};
