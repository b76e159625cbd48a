-- What-ifs: runs under another policy, beside the books. Nothing here is part of the books' state.

-- content is backlog.recognition.v1.WhatIf as it was started; kept is how far it is, as JSON that only this
-- service reads; result is backlog.recognition.v1.WhatIfResult, empty unless it is finished.
create table what_if (
  tenant_id uuid not null,
  what_if_id uuid not null,
  content_hash bytea not null,
  content bytea not null,
  started_at timestamptz not null,
  state text not null check (state in ('working', 'finished', 'failed')),
  walked bigint not null,
  kept text not null,
  failure text not null,
  result bytea not null,
  primary key (tenant_id, what_if_id)
) with (fillfactor = 70);
create index what_if_started on what_if (tenant_id, started_at, what_if_id);

-- Contracts of a what-if that is worked on, as they are in the books and under the what-if at the entry that
-- it has reached, each as JSON that only this service reads. due_from, posted_through, term_to and
-- governing_version are those of the state under the what-if: what a run looks for.
create table what_if_contract (
  tenant_id uuid not null,
  what_if_id uuid not null,
  contract_id uuid not null,
  due_from date not null,
  posted_through date not null,
  term_to date not null,
  governing_version bigint not null,
  books text not null,
  assumed text not null,
  primary key (tenant_id, what_if_id, contract_id)
) with (fillfactor = 70);

-- Which replica works on a what-if; no row once it is done. Ids and positions only, so without row-level
-- security: a replica works for all tenants.
create table what_if_lease (
  tenant_id uuid not null,
  what_if_id uuid not null,
  holder uuid not null,
  fence bigint not null,
  expires_at timestamptz not null,
  primary key (tenant_id, what_if_id)
) with (fillfactor = 50);

alter table what_if enable row level security;
alter table what_if force row level security;
alter table what_if_contract enable row level security;
alter table what_if_contract force row level security;
create policy tenant on what_if using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on what_if_contract using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);

-- What a what-if that is started now covers: all of it read at one moment.
create function what_if_reach(p_tenant uuid)
returns table (
  policy_versions bigint, latest_from date, recognized_through date, head_seq bigint,
  contract_seq bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select t.policy_versions,
      coalesce((select max(v.effective_from) from policy_version v
        where v.tenant_id = t.tenant_id), '0001-01-01'),
      t.recognized_through, h.seq, a.seq
    from tenant t
    join log_head h on h.tenant_id = t.tenant_id
    join applied_position a on a.tenant_id = t.tenant_id and a.log = 1
    where t.tenant_id = p_tenant;
end $$;

-- Starts a what-if, or finds the one that was started with the same id. No row where the tenant has as many
-- as it may.
create function start_what_if(
  p_tenant uuid, p_what_if uuid, p_hash bytea, p_content bytea, p_started timestamptz, p_kept text,
  p_max bigint)
returns table (content_hash bytea, content bytea)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  if (select count(*) from what_if w where w.tenant_id = p_tenant) < p_max then
    insert into what_if
      values (p_tenant, p_what_if, p_hash, p_content, p_started, 'working', 0, p_kept, '', '')
      on conflict do nothing;
    if found then
      insert into what_if_lease
        values (p_tenant, p_what_if, '00000000-0000-0000-0000-000000000000', 0, '-infinity');
    end if;
  end if;
  return query
    select w.content_hash, w.content from what_if w
    where w.tenant_id = p_tenant and w.what_if_id = p_what_if;
end $$;

-- A what-if; fence is null once nobody works on it any more.
create function what_if_of(p_tenant uuid, p_what_if uuid)
returns table (
  content bytea, state text, walked bigint, failure text, result bytea, fence bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select w.content, w.state, w.walked, w.failure, w.result, l.fence
    from what_if w
    left join what_if_lease l on l.tenant_id = w.tenant_id and l.what_if_id = w.what_if_id
    where w.tenant_id = p_tenant and w.what_if_id = p_what_if;
end $$;

-- What-ifs before one, the latest first, without what came out; p_before null means from the latest on.
create function what_ifs_of(p_tenant uuid, p_before timestamptz, p_before_id uuid, p_limit bigint)
returns table (
  content bytea, state text, walked bigint, failure text, result bytea, fence bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select w.content, w.state, w.walked, w.failure, ''::bytea, l.fence
    from what_if w
    left join what_if_lease l on l.tenant_id = w.tenant_id and l.what_if_id = w.what_if_id
    where w.tenant_id = p_tenant
      and (p_before is null or (w.started_at, w.what_if_id) < (p_before, p_before_id))
    order by w.started_at desc, w.what_if_id desc limit p_limit;
end $$;

-- Deletes a what-if; whoever works on it finds out with the next page.
create function delete_what_if(p_tenant uuid, p_what_if uuid)
returns table (deleted boolean)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  delete from what_if_lease l where l.tenant_id = p_tenant and l.what_if_id = p_what_if;
  delete from what_if_contract c where c.tenant_id = p_tenant and c.what_if_id = p_what_if;
  delete from what_if w where w.tenant_id = p_tenant and w.what_if_id = p_what_if;
  return query select found;
end $$;

-- Takes the leases of what-ifs that nobody works on, each with its next fence; of tenants that are not
-- suspended.
create function claim_what_ifs(p_holder uuid, p_seconds int, p_limit bigint)
returns table (tenant_id uuid, what_if_id uuid, fence bigint)
language plpgsql as $$
begin
  return query
    update what_if_lease l set holder = p_holder, fence = l.fence + 1,
      expires_at = now() + make_interval(secs => p_seconds)
    where (l.tenant_id, l.what_if_id) in (
      select c.tenant_id, c.what_if_id from what_if_lease c
      join log_head h on h.tenant_id = c.tenant_id
      where c.expires_at <= now() and not h.suspended
      order by c.expires_at, c.tenant_id, c.what_if_id limit p_limit for update of c skip locked)
    returning l.tenant_id, l.what_if_id, l.fence;
end $$;

-- A what-if as its work goes on from.
create function what_if_work(p_tenant uuid, p_what_if uuid)
returns table (content bytea, kept text)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select w.content, w.kept from what_if w
    where w.tenant_id = p_tenant and w.what_if_id = p_what_if and w.state = 'working';
end $$;

-- These contracts of a what-if. Found by key, here and below, whatever the planner knows of the table: it fills
-- and empties faster than it is analyzed.
create function what_if_contracts(p_tenant uuid, p_what_if uuid, p_contracts uuid[])
returns table (contract_id uuid, books text, assumed text)
language plpgsql set enable_seqscan = off as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select c.contract_id, c.books, c.assumed from what_if_contract c
    where c.tenant_id = p_tenant and c.what_if_id = p_what_if and c.contract_id = any (p_contracts);
end $$;

-- A page of contracts of a what-if with something to do for a run through a day, in order of id; also those
-- that were posted for days on which a version of the what-if's policy governs that they have not taken up.
create function what_if_due(
  p_tenant uuid, p_what_if uuid, p_through date, p_version bigint, p_from date, p_after uuid,
  p_limit bigint)
returns table (contract_id uuid, books text, assumed text)
language plpgsql
set enable_sort = off set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select c.contract_id, c.books, c.assumed from what_if_contract c
    where c.tenant_id = p_tenant and c.what_if_id = p_what_if and c.contract_id > p_after
      and (c.due_from <= p_through
        or (c.governing_version < p_version and c.posted_through >= p_from and c.term_to >= p_from))
    order by c.contract_id limit p_limit;
end $$;

-- Contracts of a what-if after one, in order of id.
create function what_if_left(p_tenant uuid, p_what_if uuid, p_after uuid, p_limit bigint)
returns table (contract_id uuid, books text, assumed text)
language plpgsql
set enable_sort = off set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select c.contract_id, c.books, c.assumed from what_if_contract c
    where c.tenant_id = p_tenant and c.what_if_id = p_what_if and c.contract_id > p_after
    order by c.contract_id limit p_limit;
end $$;

-- Saves a page of a what-if and holds its lease for longer; contracts in p_done are not needed any more.
-- Answers false, and writes nothing, where the lease was taken since or the what-if deleted.
create function save_what_if(
  p_tenant uuid, p_what_if uuid, p_fence bigint, p_seconds int, p_walked bigint, p_kept text,
  p_contracts uuid[], p_due date[], p_posted date[], p_term date[], p_governing bigint[],
  p_books text[], p_assumed text[], p_done uuid[])
returns table (held boolean)
language plpgsql set enable_seqscan = off as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  update what_if_lease l set expires_at = now() + make_interval(secs => p_seconds)
    where l.tenant_id = p_tenant and l.what_if_id = p_what_if and l.fence = p_fence;
  if not found then
    return query select false;
    return;
  end if;
  insert into what_if_contract
    select p_tenant, p_what_if, v.* from unnest(
      p_contracts, p_due, p_posted, p_term, p_governing, p_books, p_assumed) as v
    on conflict (tenant_id, what_if_id, contract_id) do update set due_from = excluded.due_from,
      posted_through = excluded.posted_through, term_to = excluded.term_to,
      governing_version = excluded.governing_version, books = excluded.books,
      assumed = excluded.assumed;
  delete from what_if_contract c
    where c.tenant_id = p_tenant and c.what_if_id = p_what_if and c.contract_id = any (p_done);
  update what_if w set walked = p_walked, kept = p_kept
    where w.tenant_id = p_tenant and w.what_if_id = p_what_if;
  return query select true;
end $$;

-- Ends the work on a what-if, in the same way.
create function finish_what_if(
  p_tenant uuid, p_what_if uuid, p_fence bigint, p_state text, p_failure text, p_result bytea)
returns table (held boolean)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  delete from what_if_lease l
    where l.tenant_id = p_tenant and l.what_if_id = p_what_if and l.fence = p_fence;
  if not found then
    return query select false;
    return;
  end if;
  delete from what_if_contract c where c.tenant_id = p_tenant and c.what_if_id = p_what_if;
  update what_if w set state = p_state, failure = p_failure, result = p_result, kept = ''
    where w.tenant_id = p_tenant and w.what_if_id = p_what_if;
  return query select true;
end $$;
