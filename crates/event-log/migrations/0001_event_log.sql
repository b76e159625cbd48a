-- The per-tenant event log of one service: heads, entries, idempotency, positions, leases.
-- Rules: tenant_id leads every key; no foreign keys between hot tables (on never-analyzed tables their
-- check chose a wrong index); every policy compares with the tenant list, which must be set.

-- Positions and ids only, so without row-level security: a batch locks the heads of its tenants.
create table log_head (
  tenant_id uuid primary key,
  seq bigint not null,
  hash bytea not null,
  recorded_at timestamptz not null,
  suspended boolean not null
) with (fillfactor = 50);

create table log_entry (
  tenant_id uuid not null,
  seq bigint not null,
  entry bytea not null,
  primary key (tenant_id, seq)
);

create table request (
  tenant_id uuid not null,
  request_id text not null,
  content_hash bytea not null,
  seq bigint not null,
  primary key (tenant_id, request_id)
);

-- How far other services' logs are applied. Positions only, so without row-level security.
create table applied_position (
  tenant_id uuid not null,
  log smallint not null,
  seq bigint not null,
  hash bytea not null,
  primary key (tenant_id, log)
) with (fillfactor = 50);

-- Tenants whose processing stands, and where. Positions and a reason, no business data.
create table processing_stop (
  tenant_id uuid primary key,
  log smallint not null,
  seq bigint not null,
  reason text not null,
  detail text not null,
  stopped_at timestamptz not null
);

-- How far the broker has confirmed a log. Positions only.
create table relay_position (
  tenant_id uuid primary key,
  published_seq bigint not null
) with (fillfactor = 50);

-- Who does a job that only one replica may do; `fence` grows with every change of holder.
create table lease (
  name text primary key,
  holder uuid not null,
  fence bigint not null,
  expires_at timestamptz not null
);

alter table log_entry enable row level security;
alter table log_entry force row level security;
alter table request enable row level security;
alter table request force row level security;
-- Not an index condition on purpose: the statement names its tenant, the policy checks it. The cast
-- raises when the setting is empty, current_setting when it is missing.
create policy tenant on log_entry using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on request using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);

-- Names the tenants of the transaction and locks their heads, in order, so that batches never deadlock.
create function lock_heads(p_tenants uuid[])
returns table (tenant_id uuid, seq bigint, hash bytea, recorded_at timestamptz, suspended boolean)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', array_to_string(p_tenants, ','), true);
  return query
    select h.tenant_id, h.seq, h.hash, h.recorded_at, h.suspended from log_head h
    where h.tenant_id = any (p_tenants) order by h.tenant_id for update;
end $$;

-- Entries after a position, in order.
create function read_log(p_tenant uuid, p_after bigint, p_limit bigint)
returns table (seq bigint, entry bytea)
language plpgsql as $$
declare
  v_bytes bigint := 0;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  -- A page is at most so many entries, and ends with the one that fills four megabytes.
  for seq, entry in
    select e.seq, e.entry from log_entry e
    where e.tenant_id = p_tenant and e.seq > p_after order by e.seq limit p_limit
  loop
    return next;
    v_bytes := v_bytes + octet_length(entry);
    exit when v_bytes >= 4194304;
  end loop;
end $$;

-- These entries, in order; fewer where some do not exist.
create function read_entries(p_tenant uuid, p_seqs bigint[])
returns table (seq bigint, entry bytea)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select e.seq, e.entry from log_entry e
    where e.tenant_id = p_tenant and e.seq = any (p_seqs) order by e.seq;
end $$;

-- Renews, takes and gives back the leases `<kind>/<number>` of one holder, so that live holders have
-- about equal shares. Presence rows tell how many holders live. Answers the numbers held.
create function claim_leases(p_kind text, p_holder uuid, p_count int, p_seconds int)
returns table (claimed int)
language plpgsql as $$
declare
  v_until timestamptz := now() + make_interval(secs => p_seconds);
  v_holders int;
  v_share int;
  v_held int;
begin
  if not exists (select from lease where name = p_kind || '/' || (p_count - 1)) then
    insert into lease (name, holder, fence, expires_at)
      select p_kind || '/' || n, p_holder, 0, '-infinity' from generate_series(0, p_count - 1) n
      on conflict (name) do nothing;
  end if;
  insert into lease (name, holder, fence, expires_at)
    values (p_kind || '-holder/' || p_holder, p_holder, 0, v_until)
    on conflict (name) do update set expires_at = excluded.expires_at;
  delete from lease where name like p_kind || '-holder/%' and expires_at < now();
  select count(*) into v_holders from lease where name like p_kind || '-holder/%';
  v_share := ceil(p_count::numeric / greatest(v_holders, 1));

  -- Keep a fair share of what is held, give the rest back.
  update lease l set expires_at = case when k.place <= v_share then v_until else now() end
    from (select m.name, row_number() over (order by m.name) as place from lease m
          where m.name like p_kind || '/%' and m.holder = p_holder and m.expires_at > now()) k
    where l.name = k.name
      -- Renewed when half the time is over: most calls write nothing.
      and (k.place > v_share or l.expires_at < v_until - make_interval(secs => p_seconds / 2.0));
  select count(*) into v_held from lease m
    where m.name like p_kind || '/%' and m.holder = p_holder and m.expires_at > now();

  -- Take what is free.
  update lease l set holder = p_holder, fence = l.fence + 1, expires_at = v_until
    where l.name in (
      select f.name from lease f
      where f.name like p_kind || '/%' and f.expires_at <= now()
      order by f.name limit greatest(v_share - v_held, 0) for update skip locked);

  return query
    select split_part(l.name, '/', 2)::int from lease l
    where l.name like p_kind || '/%' and l.holder = p_holder and l.expires_at > now();
end $$;
