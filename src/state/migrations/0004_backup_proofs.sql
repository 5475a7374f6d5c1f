-- Every look at a backup, also one that failed. Not in the manifest, which never changes: a proof belongs to the day it was made.
create table shipway.backup_proof (
  number      bigint generated always as identity primary key,
  -- One look at one backup: a row for each store it looked at.
  run         text not null,
  service     text not null,
  environment text not null,
  backup      text not null,
  -- Null: of the backup as a whole, because its manifest cannot be trusted to name its stores.
  store       text,
  level       integer not null check (level between 0 and 4),
  outcome     text not null check (outcome in ('pass', 'fail', 'could-not-measure')),
  fault       text,
  seconds     double precision not null,
  at          text not null default shipway.now_text(),
  person      text,
  release_id  text,
  tool        text not null,
  -- Whether the run looked at every store of the backup.
  complete    boolean not null,
  checked     text not null,
  not_checked text not null
);
create index backup_proof_by_place on shipway.backup_proof (service, environment, number desc);
create index backup_proof_by_backup on shipway.backup_proof (backup, number desc);
