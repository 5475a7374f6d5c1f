-- Everything shipway remembers about releases. Times are RFC 3339 text in UTC, written by the database: text survives unchanged
-- where a timestamptz loses microseconds on its way through JavaScript. JSON is stored as text because plans and journal entries
-- are hashed by their exact bytes.

create function shipway.now_text() returns text language sql volatile as
  $$ select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

create table shipway.release (
  id               text primary key,
  number           bigint not null unique,
  -- Which project (machine and folder) it is run from: a team's database holds the releases of several.
  project          text not null,
  service          text not null,
  environment      text not null,
  kind             text not null check (kind in ('release', 'rollback')),
  release_type     text not null,
  version          text not null,
  previous_version text,
  state            text not null,
  state_since      text not null,
  plan             text not null,
  plan_digest      text not null,
  -- The way back, derived from the plan when it is needed; kept because it is what runs then.
  undo_plan        text,
  undo_digest      text,
  requested_by     text not null,
  reason           text,
  speed            double precision not null default 1,
  -- Grows each time a person resumes: a new workflow continues where the recorded steps end.
  run              integer not null default 1,
  waiting_for      text,
  request          text check (request in ('abort', 'pause', 'roll-back')),
  request_by       text,
  request_reason   text,
  cause            text,
  created_at       text not null,
  finished_at      text
);
create index release_by_service on shipway.release (service, environment, number desc);
create index release_open on shipway.release (state) where finished_at is null;
create sequence shipway.release_number;

-- One row per planned step. `attempt` is the fencing counter: a writer that holds an older attempt is refused.
create table shipway.step_run (
  release_id  text not null references shipway.release (id),
  step_id     text not null,
  position    integer not null,
  phase       text not null,
  kind        text not null,
  title       text not null,
  state       text not null check (state in ('pending', 'started', 'finished', 'failed', 'skipped')),
  attempt     integer not null default 0,
  executor    text,
  started_at  text,
  finished_at text,
  result      text,
  problem     text,
  -- A person's word on a step whose outcome no probe can tell: 'done' or 'not-done'.
  ruling      text check (ruling in ('done', 'not-done')),
  primary key (release_id, step_id)
);

create table shipway.step_line (
  release_id text not null,
  step_id    text not null,
  line_no    bigint generated always as identity,
  at         text not null,
  line       text not null,
  primary key (release_id, line_no)
);

create table shipway.approval (
  release_id  text not null references shipway.release (id),
  person      text not null,
  decision    text not null check (decision in ('approved', 'rejected')),
  reason      text,
  plan_digest text not null,
  at          text not null,
  primary key (release_id, person)
);

create table shipway.release_lock (
  service     text not null,
  environment text not null,
  release_id  text not null references shipway.release (id),
  person      text not null,
  why         text not null,
  since       text not null,
  primary key (service, environment)
);

-- What runs where, written when a release becomes stable or rolled back.
create table shipway.live (
  service     text not null,
  environment text not null,
  version     text not null,
  release_id  text not null,
  since       text not null,
  primary key (service, environment)
);

create table shipway.quarantine (
  service    text not null,
  version    text not null,
  release_id text not null,
  reason     text not null,
  since      text not null,
  lifted_at  text,
  lifted_by  text,
  lift_reason text,
  primary key (service, version, release_id)
);

-- After a rollback, releases that nobody watches over are held until a person lifts it.
create table shipway.hold (
  service     text not null,
  environment text not null,
  release_id  text not null,
  reason      text not null,
  since       text not null,
  primary key (service, environment)
);

create table shipway.executor (
  id                 text primary key,
  project            text not null,
  host               text not null,
  pid                integer not null,
  process_started_at text not null,
  started_at         text not null,
  gone_at            text
);

create table shipway.watch_sample (
  release_id text not null,
  round      integer not null,
  at_seconds double precision not null,
  -- Wall clock of the round in ms, only used to find the place on the timeline again after a crash.
  taken_at_ms double precision not null,
  sample     text not null,
  verdicts   text not null,
  action     text,
  primary key (release_id, round)
);

-- The whole desired state of a router, written down before it is put, so that after a crash we know what was meant.
create table shipway.router_state (
  service     text not null,
  environment text not null,
  generation  bigint not null,
  release_id  text not null,
  state       text not null,
  primary key (service, environment)
);
