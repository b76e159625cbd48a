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

-- The ledger of plan changes; append-only. `due_date` is the day from whose end on the row is earned in
-- full: the last day of its month, or its effective date where that is later; the row is then `late`.
create table plan_row (
  tenant_id uuid not null,
  source_seq bigint not null,
  ordinal integer not null,
  contract_id uuid not null,
  obligation_id uuid not null,
  segment uuid not null,
  month date not null,
  service_from date not null,
  service_to date not null,
  amount bigint not null,
  currency text not null,
  effective_date date not null,
  due_date date not null,
  late boolean not null,
  recorded_at timestamptz not null,
  primary key (tenant_id, source_seq, ordinal)
);
create index plan_row_month on plan_row (tenant_id, month);
create index plan_row_contract on plan_row (tenant_id, contract_id);
create index plan_row_late on plan_row (tenant_id, due_date) where late;

-- Sums of both ledgers by effective and recorded month. Plan rows stand under measure 64, by due_date.
-- Sums are numeric: they may pass 2^63.
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

create table rollup_segment (
  tenant_id uuid not null,
  effective_month date not null,
  segment uuid not null,
  measure smallint not null,
  cause smallint not null,
  currency text not null,
  recorded_month date not null,
  amount numeric not null,
  contracts bigint not null,
  segment_contracts bigint not null,
  primary key (tenant_id, effective_month, segment, measure, cause, currency, recorded_month)
) with (fillfactor = 80);

-- Which entries of a log were recorded in a month: recorded times never go back within a log.
create table recorded_month (
  tenant_id uuid not null,
  log smallint not null,
  month date not null,
  first_seq bigint not null,
  last_seq bigint not null,
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

-- Complete subtrees of the RFC 6962 tree of each log: 2^level leaves from node_index x 2^level on.
create table tree_node (
  tenant_id uuid not null,
  log smallint not null,
  level smallint not null,
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
  foreach v_table in array array['dimension_set', 'contract', 'obligation', 'movement', 'plan_row',
    'rollup_contract', 'rollup_segment', 'recorded_month', 'accounting_entry', 'recognized_through',
    'audit_entry', 'tree_node', 'checkpoint']
  loop
    execute format('alter table %I enable row level security', v_table);
    execute format('alter table %I force row level security', v_table);
    execute format('create policy tenant on %I using ((select regexp_split_to_array('
      'current_setting(''app.tenant_id''), '','')::uuid[]) @> array[tenant_id])', v_table);
  end loop;
end $$;
