-- What reporting sums and shows. Everything here but `checkpoint` is projection: position = 0 and the
-- logs make it again, row for row.
-- Rules: tenant_id leads every key; amounts are minor units; no NULL: texts are empty, ids nil, and
-- dates 0001-01-01 where there is none.

-- Ids only, so without row-level security: the auth layer asks before a tenant is set.
create table tenant (
  tenant_id uuid primary key,
  account_id uuid not null,
  suspended boolean not null
);

-- One combination of reporting dimensions with few values each: the tenant's own and product line.
create table dimension_set (
  tenant_id uuid not null,
  segment uuid not null,
  product_line text not null,
  dimensions jsonb not null,
  primary key (tenant_id, segment)
);

-- Signed contracts: names and dimensions. `segment` is that of measures of the whole contract.
create table contract (
  tenant_id uuid not null,
  contract_id uuid not null,
  customer text not null,
  currency text not null,
  signed_on date not null,
  seq bigint not null,
  segment uuid not null,
  primary key (tenant_id, contract_id)
);
create index contract_customer on contract (tenant_id, customer);

create table obligation (
  tenant_id uuid not null,
  contract_id uuid not null,
  obligation_id uuid not null,
  product_line text not null,
  segment uuid not null,
  primary key (tenant_id, contract_id, obligation_id)
);
create index obligation_contract on obligation (tenant_id, obligation_id);

-- The ledger of movements, as recognition emitted them; append-only. `cause` and `measure` are the
-- numbers of the wire. `contracts` and `segment_contracts` are 1 on the row that counts a contract as
-- booked, once as such and once per segment.
create table movement (
  tenant_id uuid not null,
  source_seq bigint not null,
  ordinal integer not null,
  contract_id uuid not null,
  accounting_contract_id uuid not null,
  obligation_id uuid not null,
  segment uuid not null,
  cause smallint not null,
  measure smallint not null,
  amount bigint not null,
  currency text not null,
  effective_date date not null,
  posting_period date not null,
  service_month date not null,
  rule_version bigint not null,
  policy_version bigint not null,
  contracts smallint not null,
  segment_contracts smallint not null,
  recorded_at timestamptz not null,
  primary key (tenant_id, source_seq, ordinal)
);
create index movement_effective on movement (tenant_id, effective_date);
create index movement_contract on movement (tenant_id, contract_id);

-- The ledger of plan changes; append-only. A row holds consecutive changes of one event to one
-- obligation, of which there are as many as months when a contract is signed: service_from,
-- service_to and amounts have an element for each, within one month each. `late`: some take effect
-- after their month. `timed`: the obligation is earned by time, so that the plan says what accrues;
-- else the days mean nothing but their month.
create table plan_revision (
  tenant_id uuid not null,
  source_seq bigint not null,
  ordinal integer not null,
  contract_id uuid not null,
  obligation_id uuid not null,
  segment uuid not null,
  currency text not null,
  effective_date date not null,
  first_month date not null,
  last_month date not null,
  late boolean not null,
  timed boolean not null,
  recorded_at timestamptz not null,
  service_from date[] not null,
  service_to date[] not null,
  amounts bigint[] not null,
  primary key (tenant_id, source_seq, ordinal)
);
create index plan_revision_months on plan_revision (tenant_id, last_month, first_month);
create index plan_revision_contract on plan_revision (tenant_id, contract_id);
create index plan_revision_late on plan_revision (tenant_id, effective_date) where late;

-- Plan changes one by one. `due_date` is the day from whose end on a change is earned in full: the last
-- day of its month, or its effective date where that is later; it is then `late`.
create view plan_row with (security_invoker = true) as
  select r.tenant_id, r.source_seq, r.ordinal + (e.place - 1)::integer as ordinal, r.contract_id,
    r.obligation_id, r.segment, r.currency, e.month, e.service_from, e.service_to, e.amount,
    r.effective_date, greatest(e.month_end, r.effective_date) as due_date,
    r.effective_date > e.month_end as late, r.recorded_at, r.first_month, r.last_month,
    r.late as some_late, r.timed
  from plan_revision r cross join lateral (
    select u.place, u.service_from, u.service_to, u.amount,
      date_trunc('month', u.service_from)::date as month,
      (date_trunc('month', u.service_from) + interval '1 month - 1 day')::date as month_end
    from unnest(r.service_from, r.service_to, r.amounts) with ordinality
      as u(service_from, service_to, amount, place)) e;

-- Sums of movements by contract, effective and recorded month. Plan changes are not in it: summed by
-- contract they are hardly fewer. Sums are numeric: they may pass 2^63.
create table rollup_contract (
  tenant_id uuid not null,
  contract_id uuid not null,
  obligation_id uuid not null,
  measure smallint not null,
  cause smallint not null,
  currency text not null,
  effective_month date not null,
  recorded_month date not null,
  segment uuid not null,
  amount numeric not null,
  contracts bigint not null,
  segment_contracts bigint not null,
  primary key (tenant_id, contract_id, obligation_id, measure, cause, currency,
    effective_month, recorded_month)
) with (fillfactor = 80);

-- Sums of both ledgers by segment and effective year, a column for each month, and recorded month.
-- Plan changes stand under measure 64, by due_date; how many contracts were booked under 65, how many
-- in the segment under 66.
create table rollup_segment (
  tenant_id uuid not null,
  effective_year integer not null,
  segment uuid not null,
  measure smallint not null,
  cause smallint not null,
  currency text not null,
  recorded_month date not null,
  m01 numeric not null,
  m02 numeric not null,
  m03 numeric not null,
  m04 numeric not null,
  m05 numeric not null,
  m06 numeric not null,
  m07 numeric not null,
  m08 numeric not null,
  m09 numeric not null,
  m10 numeric not null,
  m11 numeric not null,
  m12 numeric not null,
  primary key (tenant_id, effective_year, segment, measure, cause, currency, recorded_month)
) with (fillfactor = 70);

-- With which entry of a log a month begins: recorded times never go back within a log.
create table recorded_month (
  tenant_id uuid not null,
  log smallint not null,
  month date not null,
  first_seq bigint not null,
  primary key (tenant_id, log, month)
);

-- Which contract entries each recognition entry covers: turns a known contract position into a known
-- recognition position and back.
create table accounting_entry (
  tenant_id uuid not null,
  seq bigint not null,
  covered_contract_seq bigint not null,
  primary key (tenant_id, seq)
);
create index accounting_entry_covered on accounting_entry (tenant_id, covered_contract_seq, seq);

-- Through which day revenue is posted for every obligation, from this recognition entry on.
create table recognized_through (
  tenant_id uuid not null,
  source_seq bigint not null,
  through date not null,
  primary key (tenant_id, source_seq)
);

-- The audit trail: stored bytes, and columns that are copies of what they say.
create table audit_entry (
  tenant_id uuid not null,
  log smallint not null,
  seq bigint not null,
  type text not null,
  aggregate_id text not null,
  aggregate_version bigint not null,
  effective_date date not null,
  recorded_at timestamptz not null,
  actor text not null,
  request_id text not null,
  leaf_hash bytea not null,
  entry bytea not null,
  primary key (tenant_id, log, seq)
);
create index audit_entry_aggregate on audit_entry (tenant_id, log, aggregate_id, seq);

-- Complete subtrees of the RFC 6962 tree of each log: 2^level leaves from node_index x 2^level on. Those
-- of level 0, the leaves, stand in audit_entry.
create table tree_node (
  tenant_id uuid not null,
  log smallint not null,
  level smallint not null check (level > 0),
  node_index bigint not null,
  hash bytea not null,
  primary key (tenant_id, log, level, node_index)
);

-- Signed checkpoints. No projection: a rebuild must reproduce their roots and never touches them.
create table checkpoint (
  tenant_id uuid not null,
  contract_size bigint not null,
  recognition_size bigint not null,
  reporting_size bigint not null,
  contract_root bytea not null,
  recognition_root bytea not null,
  reporting_root bytea not null,
  note text not null,
  made_at timestamptz not null,
  primary key (tenant_id, contract_size, recognition_size, reporting_size)
);

-- The policy of every table with business data, as in the first migration.
do $$
declare
  v_table text;
begin
  foreach v_table in array array['dimension_set', 'contract', 'obligation', 'movement', 'plan_revision',
    'rollup_contract', 'rollup_segment', 'recorded_month', 'accounting_entry', 'recognized_through',
    'audit_entry', 'tree_node', 'checkpoint']
  loop
    execute format('alter table %I enable row level security', v_table);
    execute format('alter table %I force row level security', v_table);
    execute format('create policy tenant on %I using ((select regexp_split_to_array('
      'current_setting(''app.tenant_id''), '','')::uuid[]) @> array[tenant_id])', v_table);
  end loop;
end $$;
