-- What a person who turns a release around wants done with the data; null: what its plan says.
alter table shipway.release add column request_data text check (request_data in ('restore', 'restore-after-backup'));
