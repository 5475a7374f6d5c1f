-- The journal: what happened, in order, never changed. `entry` holds the exact canonical bytes that are hashed, as text, because every
-- other type (jsonb, timestamptz) comes back with other bytes. The columns before it repeat what is in it, for looking things up;
-- verification compares them.
create table shipway.journal (
  index          bigint primary key check (index > 0),
  release        text,
  type           text not null,
  service        text not null,
  environment    text not null,
  entry          text not null,
  previous_hash  bytea not null check (length(previous_hash) = 32),
  hash           bytea not null check (length(hash) = 32),
  -- RFC 6962 leaf hash of the same bytes, so that a Merkle tree can be built over old entries without touching them.
  leaf_hash      bytea not null check (length(leaf_hash) = 32)
);
create index journal_by_release on shipway.journal (release, index) where release is not null;

-- One row. Whoever appends locks it first: a lock on the newest entry cannot do that, because the next entry does not exist yet.
create table shipway.journal_head (
  one    boolean primary key default true check (one),
  index  bigint not null,
  hash   bytea not null check (length(hash) = 32)
);
-- SHA-256 of "shipway journal 1", the hash before the first entry.
insert into shipway.journal_head (index, hash) values (0, sha256('shipway journal 1'::bytea));

-- These triggers protect from accidents and from programs. Whoever owns the database can remove them; that is what anchors are for.
create function shipway.refuse_journal_change() returns trigger language plpgsql as $$
begin
  raise exception 'the journal is append-only: % on % is refused', tg_op, tg_table_name using errcode = '42501';
end $$;

create trigger journal_is_append_only before update or delete or truncate on shipway.journal
  for each statement execute function shipway.refuse_journal_change();
create trigger journal_head_stays before delete or truncate on shipway.journal_head
  for each statement execute function shipway.refuse_journal_change();

create function shipway.check_journal_head() returns trigger language plpgsql as $$
begin
  if new.index <= old.index then
    raise exception 'the journal only grows: entry % may not follow %', new.index, old.index using errcode = '42501';
  end if;
  return new;
end $$;
create trigger journal_head_grows before update on shipway.journal_head
  for each row execute function shipway.check_journal_head();
