-- Appends one entry to the journal inside the statement that makes the change it describes: one round trip where the client's way takes
-- four. The client hands over the canonical text of the entry in three pieces, because only whoever holds the head's lock knows time and
-- index. `waits` is false for a change that becomes durable with the next commit that does wait for the disk.
create function shipway.append_entry(pieces text[], of_release text, of_type text, of_service text, of_environment text, waits boolean)
returns bigint language plpgsql as $$
declare
  head  shipway.journal_head;
  entry text;
  bytes bytea;
  next  bytea;
begin
  if not waits then perform set_config('synchronous_commit', 'off', true); end if;
  select * into strict head from shipway.journal_head for update;
  -- The time is read after the lock is ours: otherwise an entry could be older than the one before it.
  entry := pieces[1] || shipway.now_text() || pieces[2] || (head.index + 1)::text || pieces[3];
  bytes := convert_to(entry, 'UTF8');
  next := sha256(head.hash || bytes);
  insert into shipway.journal (index, release, type, service, environment, entry, previous_hash, hash, leaf_hash)
    values (head.index + 1, of_release, of_type, of_service, of_environment, entry, head.hash, next, sha256('\x00'::bytea || bytes));
  update shipway.journal_head set index = head.index + 1, hash = next;
  return head.index + 1;
end $$;
