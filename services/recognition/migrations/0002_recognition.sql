-- What recognition remembers: the fold's state in typed columns, and its runs. Amounts are minor
-- units. Rules: tenant_id leads every key; no foreign keys between hot tables; every policy compares
-- with the tenant list, which must be set.

-- Ids only, so without row-level security: tells at the door whose a tenant is.
create table tenant_registry (
  tenant_id uuid primary key,
  account_id uuid not null
);

-- The first measurement policy and how many versions there are, how far finished runs over all contracts have posted, and the last
-- day of the latest closed period; both 0001-01-01 before the first.
create table tenant (
  tenant_id uuid primary key,
  policy_version bigint not null,
  convention text not null,
  rounding text not null,
  receivable_on text not null,
  recognized_through date not null,
  functional_currency text not null,
  calendar text not null,
  adjustments_need_approval boolean not null,
  closed_through date not null,
  policy_versions bigint not null
) with (fillfactor = 50);

-- A signed contract, with the policy at its inception and the latest version that governs it. basis is what the fold knows of it beside its
-- obligations and seldom changes, as JSON that only this service reads. combined_into is the contract that it
-- joined, itself where others joined it, all zeros where it is accounted for by itself; what is known of one
-- that joined another is in that one's basis.
create table contract_state (
  tenant_id uuid not null,
  contract_id uuid not null,
  signed_on date not null,
  currency_code text not null,
  policy_version bigint not null,
  convention text not null,
  rounding text not null,
  receivable_on text not null,
  receivable bigint not null,
  advance bigint not null,
  governing_version bigint not null,
  customer text not null,
  combined_into uuid not null,
  basis text not null,
  primary key (tenant_id, contract_id)
) with (fillfactor = 80);

create index contract_combined on contract_state (tenant_id, combined_into)
  where combined_into <> '00000000-0000-0000-0000-000000000000';

-- posted_through is 0001-01-01 when nothing is posted; due_from is the first day for which a run has
-- something to do, 9999-12-31 when none has. basis is the rest of what the fold knows of the
-- obligation, as JSON that only this service reads: method, phases, progress.
create table obligation (
  tenant_id uuid not null,
  contract_id uuid not null,
  ordinal bigint not null,
  obligation_id uuid not null,
  key text not null,
  transaction_price bigint not null,
  recognized bigint not null,
  posted_through date not null,
  due_from date not null,
  term_to date not null,
  billed bigint not null,
  basis text not null,
  primary key (tenant_id, contract_id, ordinal)
) with (fillfactor = 60);

-- Ends of days on which the net position of an accounting contract, or of one that was combined with others,
-- changed. Liabilities and asset are never there at once, and below zero only where others make up for it;
-- refund_estimate is what is expected to be given back if it was received.
create table balance_point (
  tenant_id uuid not null,
  accounting_contract_id uuid not null,
  on_date date not null,
  unconditional bigint not null,
  recognized bigint not null,
  refundable bigint not null,
  deferred_revenue bigint not null,
  contract_asset bigint not null,
  refund_liability bigint not null check (refund_liability >= 0),
  refund_estimate bigint not null,
  primary key (tenant_id, accounting_contract_id, on_date),
  check ((deferred_revenue = 0 and refund_liability = 0) or contract_asset = 0)
) with (fillfactor = 80);

-- contract_id is all zeros for a run over all contracts; recognized is "EUR=50 USD=1200" in minor
-- units; seq is the place of the run's last chunk in the recognition log.
create table recognition_run (
  tenant_id uuid not null,
  run_id uuid not null,
  through date not null,
  contract_id uuid not null,
  chunks bigint not null,
  entries_posted bigint not null,
  recognized text not null,
  finished boolean not null,
  seq bigint not null,
  primary key (tenant_id, run_id)
) with (fillfactor = 70);

-- What each entry of this log comes to in the general ledger: debits and credits, both positive, by
-- posting period, role and currency.
create table journal_sum (
  tenant_id uuid not null,
  posting_period date not null,
  seq bigint not null,
  role text not null,
  currency_code text not null,
  debit bigint not null check (debit >= 0),
  credit bigint not null check (credit >= 0),
  primary key (tenant_id, posting_period, seq, role, currency_code)
);

-- The same, summed over all entries.
create table journal_total (
  tenant_id uuid not null,
  posting_period date not null,
  role text not null,
  currency_code text not null,
  debit numeric not null,
  credit numeric not null,
  primary key (tenant_id, posting_period, role, currency_code)
) with (fillfactor = 50);

-- Accounts of the tenant's chart by role, "cash=1000 revenue=4000", as decided in an entry of this log.
create table account_mapping (
  tenant_id uuid not null,
  seq bigint not null,
  accounts text not null,
  unbilled_receivable boolean not null,
  decided_on date not null,
  primary key (tenant_id, seq)
);

-- Exchange rates as stated in entries of this log; a later word on the same day replaces the earlier.
create table exchange_rate (
  tenant_id uuid not null,
  seq bigint not null,
  from_code text not null,
  to_code text not null,
  kind text not null,
  on_date date not null,
  rate text not null,
  primary key (tenant_id, seq)
);

-- Exports of periods: each covers what was posted before its entry of this log and after the one of the
-- period's export before it.
create table journal_export (
  tenant_id uuid not null,
  seq bigint not null,
  batch_id uuid not null,
  posting_period date not null,
  primary key (tenant_id, seq)
);

-- Sums of all movements by accounting period posted in: what a close keeps.
create table period_total (
  tenant_id uuid not null,
  posting_period date not null,
  cause text not null,
  measure text not null,
  currency_code text not null,
  amount numeric not null,
  primary key (tenant_id, posting_period, cause, measure, currency_code)
) with (fillfactor = 50);

-- Closes of accounting periods. figures is backlog.recognition.v1.CloseFigures; a close that no longer
-- holds says who opened its period again, and why.
create table period_close (
  tenant_id uuid not null,
  first_day date not null,
  version bigint not null check (version > 0),
  last_day date not null,
  covered_contract_seq bigint not null,
  closed_by text not null,
  figures bytea not null,
  reopened boolean not null,
  reopened_by text not null,
  reopened_reason text not null,
  primary key (tenant_id, first_day, version)
);

-- Versions of the policy after the first. content is backlog.recognition.v1.PolicyVersion.
create table policy_version (
  tenant_id uuid not null,
  version bigint not null check (version > 1),
  effective_from date not null,
  content bytea not null,
  primary key (tenant_id, version)
);

-- Adjustments of revenue that need a second person. content is backlog.recognition.v1.Adjustment.
create table adjustment (
  tenant_id uuid not null,
  adjustment_id uuid not null,
  contract_id uuid not null,
  on_date date not null,
  content bytea not null,
  proposed_by text not null,
  state text not null check (state in ('proposed', 'approved', 'rejected')),
  decided_by text not null,
  reason text not null,
  primary key (tenant_id, adjustment_id)
);
create index adjustment_waiting on adjustment (tenant_id, adjustment_id) where state = 'proposed';

-- Which replica runs for a tenant by schedule, and how far scheduled runs are done; 0001-01-01 before
-- the first. Ids and positions only, so without row-level security: a replica looks after all tenants.
create table run_lease (
  tenant_id uuid primary key,
  done_through date not null,
  holder uuid not null,
  fence bigint not null,
  expires_at timestamptz not null
) with (fillfactor = 50);

alter table tenant enable row level security;
alter table tenant force row level security;
alter table contract_state enable row level security;
alter table contract_state force row level security;
alter table obligation enable row level security;
alter table obligation force row level security;
alter table balance_point enable row level security;
alter table balance_point force row level security;
alter table recognition_run enable row level security;
alter table recognition_run force row level security;
alter table journal_sum enable row level security;
alter table journal_sum force row level security;
alter table journal_total enable row level security;
alter table journal_total force row level security;
alter table account_mapping enable row level security;
alter table account_mapping force row level security;
alter table exchange_rate enable row level security;
alter table exchange_rate force row level security;
alter table journal_export enable row level security;
alter table journal_export force row level security;
alter table period_total enable row level security;
alter table period_total force row level security;
alter table period_close enable row level security;
alter table period_close force row level security;
alter table policy_version enable row level security;
alter table policy_version force row level security;
alter table adjustment enable row level security;
alter table adjustment force row level security;
create policy tenant on period_total using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on period_close using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on policy_version using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on adjustment using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on tenant using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on contract_state using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on obligation using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on balance_point using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on recognition_run using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on journal_sum using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on journal_total using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on account_mapping using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on exchange_rate using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on journal_export using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);

-- The contract that another one joined, or itself; null for null.
create function accounted_as(p_tenant uuid, p_contract uuid)
returns uuid
language plpgsql as $$
declare
  v_into uuid;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  select c.combined_into into v_into from contract_state c
    where c.tenant_id = p_tenant and c.contract_id = p_contract
      and c.combined_into <> '00000000-0000-0000-0000-000000000000';
  return coalesce(v_into, p_contract);
end $$;

-- All contracts that are accounted for as one with a contract, itself among them, in order of id; none
-- where it is not known.
create function accounted_with(p_tenant uuid, p_contract uuid)
returns table (contract_id uuid)
language plpgsql as $$
declare
  v_as uuid := accounted_as(p_tenant, p_contract);
begin
  return query
    select c.contract_id from contract_state c
    where c.tenant_id = p_tenant and (c.contract_id = p_contract or (c.combined_into = v_as
      and c.combined_into <> '00000000-0000-0000-0000-000000000000'))
    order by c.contract_id;
end $$;

-- Signed contracts of customers that have more than one, of `p_limit` customers at most after one in their
-- order.
create function combination_candidates(
  p_tenant uuid, p_customer text, p_after text, p_limit bigint)
returns table (
  customer text, contract_id uuid, signed_on date, currency_code text, combined_into uuid)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    with several as (
      select c.customer from contract_state c
      where c.tenant_id = p_tenant and c.customer collate "C" > p_after
        and (p_customer = '' or c.customer = p_customer)
      group by c.customer having count(*) > 1
      order by c.customer collate "C" limit p_limit)
    select c.customer, c.contract_id, c.signed_on, c.currency_code, c.combined_into
    from several s join contract_state c on c.tenant_id = p_tenant and c.customer = s.customer
    order by c.customer collate "C", c.signed_on, c.contract_id;
end $$;

-- A page of contracts with something to do for a run through a day, in order of id, each with the
-- number of entries at about: a month of an obligation not yet posted makes one. Also those that were
-- posted for days on which a version of the policy governs that they have not taken up. p_contract null
-- means all; contracts that are accounted for as one are posted with the one that the others joined. Rows are read in the order of the key until the page is full, whatever the planner knows of the
-- tables: with a sort each page would read all of the tenant's obligations.
create function run_scope(
  p_tenant uuid, p_through date, p_contract uuid, p_after uuid, p_limit bigint)
returns table (contract_id uuid, entries bigint)
language plpgsql
set enable_sort = off set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_version bigint;
  v_from date;
  v_contract uuid := accounted_as(p_tenant, p_contract);
begin
  select max(v.version), min(v.effective_from) into v_version, v_from
    from policy_version v where v.tenant_id = p_tenant and v.effective_from <= p_through;
  return query
    select g.contract_id, g.entries
    from (
      select o.contract_id, bool_or(o.due_from <= p_through) as due,
        sum(greatest(1, 1 + (least(p_through, o.term_to) - o.due_from) / 31))::bigint as entries
      from obligation o
      where o.tenant_id = p_tenant and o.contract_id > p_after
        and (v_contract is null or o.contract_id = v_contract)
        and (o.due_from <= p_through or (o.posted_through >= v_from and o.term_to >= v_from)
          or (v_from is not null and o.ordinal = 0 and exists (
            select from contract_state k where k.tenant_id = p_tenant
              and k.contract_id = o.contract_id and k.combined_into = k.contract_id)))
      group by o.contract_id order by o.contract_id) g
    join contract_state c on c.tenant_id = p_tenant and c.contract_id = g.contract_id
    where (c.signed_on <= p_through or c.combined_into = c.contract_id) and (g.due or c.governing_version < v_version)
      and (c.combined_into = c.contract_id or c.combined_into = '00000000-0000-0000-0000-000000000000')
    order by g.contract_id limit p_limit;
end $$;

-- How far a run is that may have begun before: entries posted, and those to post at about.
create function run_expected(p_tenant uuid, p_run uuid, p_through date, p_contract uuid)
returns table (posted bigint, remaining bigint)
language plpgsql as $$
declare
  v_contract uuid := accounted_as(p_tenant, p_contract);
begin
  return query
    select
      coalesce((
        select r.entries_posted from recognition_run r
        where r.tenant_id = p_tenant and r.run_id = p_run), 0),
      coalesce((
        select sum(greatest(1, 1 + (least(p_through, o.term_to) - o.due_from) / 31))
        from obligation o
        where o.tenant_id = p_tenant and (v_contract is null or o.contract_id = v_contract)
          and o.due_from <= p_through), 0)::bigint;
end $$;

-- Takes the leases of tenants for which no scheduled run through a day is done, each with its next
-- fence. A lease that another replica holds, or is about to be done with, is passed over.
create function claim_due_runs(p_through date, p_holder uuid, p_seconds int, p_limit bigint)
returns table (tenant_id uuid, fence bigint)
language plpgsql as $$
begin
  insert into run_lease (tenant_id, done_through, holder, fence, expires_at)
    select r.tenant_id, '0001-01-01', p_holder, 0, '-infinity' from tenant_registry r
    where not exists (select from run_lease l where l.tenant_id = r.tenant_id)
    on conflict do nothing;
  return query
    update run_lease l set holder = p_holder, fence = l.fence + 1,
      expires_at = now() + make_interval(secs => p_seconds)
    where l.tenant_id in (
      select c.tenant_id from run_lease c join log_head h on h.tenant_id = c.tenant_id
      where c.done_through < p_through and c.expires_at <= now() and not h.suspended
      order by c.tenant_id limit p_limit for update of c skip locked)
    returning l.tenant_id, l.fence;
end $$;

-- The obligations of a contract in its order, each with what the answer includes. No rows for a
-- contract that is not known.
create function plan_of(p_tenant uuid, p_contract uuid)
returns table (
  contract_id uuid, obligation_id uuid, key text, ordinal bigint, currency_code text, transaction_price bigint,
  recognized bigint, posted_through date, billed bigint, basis text, contract_basis text,
  recognized_through date, head_seq bigint, contract_seq bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select o.contract_id, o.obligation_id, o.key, o.ordinal, c.currency_code, o.transaction_price,
      o.recognized, o.posted_through, o.billed, o.basis, g.basis, t.recognized_through, h.seq, a.seq
    from contract_state c
    join contract_state g on g.tenant_id = c.tenant_id
      and g.contract_id = case
        when c.combined_into = '00000000-0000-0000-0000-000000000000' then c.contract_id
        else c.combined_into end
    join obligation o on o.tenant_id = c.tenant_id and o.contract_id = c.contract_id
    join tenant t on t.tenant_id = c.tenant_id
    join log_head h on h.tenant_id = c.tenant_id
    join applied_position a on a.tenant_id = c.tenant_id and a.log = 1
    where c.tenant_id = p_tenant and c.contract_id = p_contract
    order by o.ordinal;
end $$;

-- The tenant's currency, and how far everything is.
create function journal_settings(p_tenant uuid)
returns table (
  functional_currency text, calendar text, recognized_through date, head_seq bigint,
  contract_seq bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select t.functional_currency, t.calendar, t.recognized_through, h.seq, a.seq
    from tenant t
    join log_head h on h.tenant_id = t.tenant_id
    join applied_position a on a.tenant_id = t.tenant_id and a.log = 1
    where t.tenant_id = p_tenant;
end $$;

-- What was posted in each period up to one, with what that includes; one row without a period where
-- nothing was.
create function journal_totals(p_tenant uuid, p_period date)
returns table (
  posting_period date, role text, currency_code text, debit text, credit text,
  recognized_through date, head_seq bigint, contract_seq bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select j.posting_period, j.role, j.currency_code, j.debit::text, j.credit::text,
      t.recognized_through, h.seq, a.seq
    from tenant t
    join log_head h on h.tenant_id = t.tenant_id
    join applied_position a on a.tenant_id = t.tenant_id and a.log = 1
    left join journal_total j on j.tenant_id = t.tenant_id and j.posting_period <= p_period
    where t.tenant_id = p_tenant;
end $$;

-- What entries after one up to another post in a period.
create function journal_range(p_tenant uuid, p_period date, p_after bigint, p_through bigint)
returns table (role text, currency_code text, debit text, credit text)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select j.role, j.currency_code, sum(j.debit)::text, sum(j.credit)::text
    from journal_sum j
    where j.tenant_id = p_tenant and j.posting_period = p_period
      and j.seq > p_after and j.seq <= p_through
    group by j.role, j.currency_code;
end $$;

-- Entries after one up to another that post in a period, in order, `p_limit` at most.
create function journal_entries(
  p_tenant uuid, p_period date, p_after bigint, p_through bigint, p_limit bigint)
returns table (seq bigint, entry bytea)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select e.seq, e.entry
    from (
      select distinct j.seq from journal_sum j
      where j.tenant_id = p_tenant and j.posting_period = p_period
        and j.seq > p_after and j.seq <= p_through
      order by j.seq limit p_limit) s
    join log_entry e on e.tenant_id = p_tenant and e.seq = s.seq
    order by e.seq;
end $$;

-- Whether anything was ever posted in another currency.
create function journal_foreign(p_tenant uuid, p_functional text)
returns table (found boolean)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select exists (
      select from journal_total j
      where j.tenant_id = p_tenant and j.currency_code <> p_functional);
end $$;

-- The mapping in force at an entry of the log; no row before the first.
create function account_mapping_at(p_tenant uuid, p_seq bigint)
returns table (accounts text, unbilled_receivable boolean, decided_on date)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select m.accounts, m.unbilled_receivable, m.decided_on
    from account_mapping m where m.tenant_id = p_tenant and m.seq <= p_seq
    order by m.seq desc limit 1;
end $$;

-- Rates stated up to an entry of the log, in the order stated.
create function exchange_rates(p_tenant uuid, p_seq bigint)
returns table (from_code text, to_code text, kind text, on_date date, rate text)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select r.from_code, r.to_code, r.kind, r.on_date, r.rate
    from exchange_rate r where r.tenant_id = p_tenant and r.seq <= p_seq order by r.seq;
end $$;

-- Exports after an entry of the log, of a period or of all, each with the entry of the one before it of
-- the same period, 0 without one.
create function journal_exports(p_tenant uuid, p_period date, p_after bigint, p_limit bigint)
returns table (batch_id uuid, posting_period date, seq bigint, previous bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select e.batch_id, e.posting_period, e.seq,
      coalesce((select max(b.seq) from journal_export b
        where b.tenant_id = e.tenant_id and b.posting_period = e.posting_period
          and b.seq < e.seq), 0)
    from journal_export e
    where e.tenant_id = p_tenant and e.seq > p_after
      and (p_period is null or e.posting_period = p_period)
    order by e.seq limit p_limit;
end $$;

-- One export.
create function journal_batch(p_tenant uuid, p_batch uuid)
returns table (batch_id uuid, posting_period date, seq bigint, previous bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select e.batch_id, e.posting_period, e.seq,
      coalesce((select max(b.seq) from journal_export b
        where b.tenant_id = e.tenant_id and b.posting_period = e.posting_period
          and b.seq < e.seq), 0)
    from journal_export e where e.tenant_id = p_tenant and e.batch_id = p_batch;
end $$;

-- What is left to do before a day, for a caller that has set its tenants: runs that are not finished,
-- adjustments that wait.
create function open_work(p_tenant uuid, p_last date)
returns table (runs bigint, adjustments bigint)
language plpgsql as $$
begin
  return query
    select
      (select count(*) from recognition_run u
        where u.tenant_id = p_tenant and not u.finished and u.through <= p_last),
      (select count(*) from adjustment a
        where a.tenant_id = p_tenant and a.state = 'proposed' and a.on_date <= p_last);
end $$;

-- A tenant's calendar with all closes in order, one row with version 0 where there is none. No rows for
-- a tenant that is not known.
create function periods_of(p_tenant uuid)
returns table (
  calendar text, closed_through date, version bigint, first_day date, last_day date,
  covered_contract_seq bigint, closed_by text, figures bytea, reopened boolean, reopened_by text,
  reopened_reason text)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select t.calendar, t.closed_through, coalesce(c.version, 0), c.first_day, c.last_day,
      c.covered_contract_seq, c.closed_by, c.figures, c.reopened, c.reopened_by, c.reopened_reason
    from tenant t
    left join period_close c on c.tenant_id = t.tenant_id
    where t.tenant_id = p_tenant
    order by c.first_day, c.version;
end $$;

-- A tenant's first policy with the versions after it in order, one row with version 0 where there is none.
-- No rows for a tenant that is not known.
create function policies_of(p_tenant uuid)
returns table (
  policy_version bigint, convention text, rounding text, receivable_on text, version bigint,
  content bytea)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select t.policy_version, t.convention, t.rounding, t.receivable_on, coalesce(v.version, 0),
      v.content
    from tenant t
    left join policy_version v on v.tenant_id = t.tenant_id
    where t.tenant_id = p_tenant
    order by v.version;
end $$;

-- An adjustment that needs, or needed, a second person.
create function adjustment_of(p_tenant uuid, p_adjustment uuid)
returns setof adjustment
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select * from adjustment a where a.tenant_id = p_tenant and a.adjustment_id = p_adjustment;
end $$;

-- Adjustments that wait, after one in order of id.
create function proposed_adjustments(p_tenant uuid, p_after uuid, p_limit bigint)
returns setof adjustment
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select * from adjustment a
    where a.tenant_id = p_tenant and a.state = 'proposed' and a.adjustment_id > p_after
    order by a.adjustment_id limit p_limit;
end $$;

-- What an answer about a contract includes. No row for a contract that is not known.
create function contract_reach(p_tenant uuid, p_contract uuid)
returns table (recognized_through date, head_seq bigint, contract_seq bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select t.recognized_through, h.seq, a.seq
    from contract_state c
    join tenant t on t.tenant_id = c.tenant_id
    join log_head h on h.tenant_id = c.tenant_id
    join applied_position a on a.tenant_id = c.tenant_id and a.log = 1
    where c.tenant_id = p_tenant and c.contract_id = p_contract;
end $$;

-- What the tenant's answers include, where no contract is asked for.
create function tenant_reach(p_tenant uuid)
returns table (recognized_through date, head_seq bigint, contract_seq bigint)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select t.recognized_through, h.seq, a.seq
    from tenant t
    join log_head h on h.tenant_id = t.tenant_id
    join applied_position a on a.tenant_id = t.tenant_id and a.log = 1
    where t.tenant_id = p_tenant;
end $$;

-- Entries of this log up to a place that name one of these, in order: a contract's facts, the chunks of
-- runs that posted for it, the closes of periods.
create function entries_naming(p_tenant uuid, p_names text[], p_through bigint, p_limit bigint)
returns table (seq bigint, entry bytea)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select e.seq, e.entry from log_entry e
    where e.tenant_id = p_tenant and e.seq <= p_through
      and exists (
        select from unnest(p_names) n where position(convert_to(n, 'UTF8') in e.entry) > 0)
    order by e.seq limit p_limit;
end $$;

-- The whole state of a tenant as lines of text, one a row, in an order of its own: what a rebuild is
-- compared with.
create function state_lines(p_tenant uuid)
returns table (line text)
language plpgsql set datestyle = 'ISO, YMD' as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select concat_ws(' ', 'tenant', r.account_id, t.policy_version, t.convention, t.rounding,
        t.receivable_on, t.recognized_through, coalesce(a.seq, 0), t.functional_currency, t.calendar,
        t.adjustments_need_approval, t.closed_through, t.policy_versions)
      from tenant t
      join tenant_registry r on r.tenant_id = t.tenant_id
      left join applied_position a on a.tenant_id = t.tenant_id and a.log = 1
      where t.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'contract', c.contract_id, c.signed_on,
        c.currency_code, c.policy_version, c.convention, c.rounding, c.receivable_on,
        c.receivable, c.advance, c.governing_version, c.combined_into, c.customer, c.basis)
      from contract_state c where c.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'policy', v.version, v.effective_from, encode(v.content, 'hex'))
      from policy_version v where v.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'obligation', o.contract_id, o.ordinal, o.obligation_id,
        o.transaction_price, o.recognized, o.posted_through, o.due_from, o.term_to, o.billed, o.key,
        o.basis)
      from obligation o where o.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'balance', b.accounting_contract_id, b.on_date, b.unconditional,
        b.recognized, b.refundable, b.deferred_revenue, b.contract_asset, b.refund_liability,
        b.refund_estimate)
      from balance_point b where b.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'run', u.run_id, u.through, u.contract_id, u.chunks, u.entries_posted,
        u.finished, u.seq, u.recognized)
      from recognition_run u where u.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'journal', j.seq, j.posting_period, j.role, j.currency_code, j.debit,
        j.credit)
      from journal_sum j where j.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'posted', p.posting_period, p.role, p.currency_code, p.debit, p.credit)
      from journal_total p where p.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'accounts', m.seq, m.decided_on, m.unbilled_receivable, m.accounts)
      from account_mapping m where m.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'rate', x.seq, x.from_code, x.to_code, x.kind, x.on_date, x.rate)
      from exchange_rate x where x.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'export', e.seq, e.batch_id, e.posting_period)
      from journal_export e where e.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'total', s.posting_period, s.cause, s.measure, s.currency_code, s.amount)
      from period_total s where s.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'close', c.first_day, c.version, c.last_day, c.covered_contract_seq,
        c.reopened, encode(c.figures, 'hex'), c.closed_by, c.reopened_by, c.reopened_reason)
      from period_close c where c.tenant_id = p_tenant
    union all
    select concat_ws(' ', 'adjustment', d.adjustment_id, d.contract_id, d.on_date, d.state,
        encode(d.content, 'hex'), d.proposed_by, d.decided_by, d.reason)
      from adjustment d where d.tenant_id = p_tenant;
end $$;

-- SHA-256 over the hashes of the state's lines, in the order of their bytes.
create function state_digest(p_tenant uuid)
returns table (digest bytea)
language plpgsql as $$
begin
  return query
    select sha256(coalesce(string_agg(sha256(convert_to(l.line, 'UTF8')), ''::bytea
        order by l.line collate "C"), ''::bytea))
    from state_lines(p_tenant) l;
end $$;
