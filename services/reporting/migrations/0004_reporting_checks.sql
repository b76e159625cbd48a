-- Checks beside the rows: the digest of all projections, the identities, and the start of a rebuild.

-- SHA-256 over all projection rows of a tenant, table by table, in key order. Rows are hashed in blocks,
-- so that memory stays bounded. Equal logs give equal digests, however they were batched.
create function projection_digest(p_tenant uuid)
returns bytea
language plpgsql
set timezone = 'UTC' set datestyle = 'ISO, YMD' set bytea_output = 'hex'
as $$
declare
  v_table record;
  v_part bytea;
  v_all bytea := ''::bytea;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  for v_table in
    select * from (values
      ('tenant', 'tenant_id'),
      ('dimension_set', 'segment'),
      ('contract', 'contract_id'),
      ('obligation', 'contract_id, obligation_id'),
      ('movement', 'source_seq, ordinal'),
      ('plan_revision', 'source_seq, ordinal'),
      ('rollup_contract', 'contract_id, obligation_id, measure, cause, currency collate "C", '
        'effective_month, recorded_month'),
      ('rollup_segment', 'effective_year, segment, measure, cause, currency collate "C", '
        'recorded_month'),
      ('recorded_month', 'log, month'),
      ('accounting_entry', 'seq'),
      ('recognized_through', 'source_seq'),
      ('audit_entry', 'log, seq'),
      ('tree_node', 'log, level, node_index')) as t(name, key)
  loop
    execute format(
      'select coalesce(sha256(string_agg(block, ''''::bytea order by place)), ''''::bytea) from ('
      'select (n - 1) / 10000 as place, sha256(string_agg(h, ''''::bytea order by n)) as block from ('
      'select row_number() over (order by %s) as n, sha256(convert_to(t::text, ''UTF8'')) as h '
      'from %I t where tenant_id = %L) rows group by 1) blocks', v_table.key, v_table.name, p_tenant)
      into v_part;
    v_all := v_all || convert_to(v_table.name, 'UTF8') || v_part;
  end loop;
  return sha256(v_all);
end $$;

-- The identities of the ledgers that do not hold, per contract and in sum, at every date with
-- movements: none, unless something is broken. `expected` and `actual` are minor units.
create function identity_violations(p_tenant uuid)
returns table (
  identity text, contract_id uuid, obligation_id uuid, on_date date, currency text,
  expected numeric, actual numeric)
language plpgsql set jit = off as $$
declare
  v_nil constant uuid := '00000000-0000-0000-0000-000000000000';
  v_date date;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);

  -- backlog = unbilled + (B - U) + deferred + refund liability - contract asset, and with TCV - R and
  -- TCV - B in it: of each contract, and of the nil contract, which is the sum.
  return query
    with day as (
      select k.contract_id, m.currency, m.effective_date,
        sum(case m.measure when 1 then m.amount when 2 then m.amount when 3 then -m.amount
          else 0 end) as backlog,
        sum(case m.measure when 1 then m.amount when 2 then m.amount when 4 then -m.amount
          else 0 end) as unbilled,
        sum(case m.measure when 4 then m.amount when 5 then -m.amount else 0 end) as conditional,
        sum(case m.measure when 6 then m.amount when 8 then m.amount when 7 then -m.amount
          else 0 end) as net
      from movement m cross join lateral (values (m.contract_id), (v_nil)) k(contract_id)
      where m.tenant_id = p_tenant
      group by 1, 2, 3),
    running as (
      select d.contract_id, d.currency, d.effective_date, sum(d.backlog) over w as backlog,
        sum(d.unbilled + d.conditional + d.net) over w as parts
      from day d
      window w as (partition by d.contract_id, d.currency order by d.effective_date))
    select 'backlog = unbilled + (B - U) + deferred revenue + refund liability - contract asset',
      r.contract_id, v_nil, r.effective_date, r.currency, r.backlog, r.parts
    from running r where r.backlog <> r.parts;

  -- sum of plan = TCV - R, of each obligation.
  return query
    with change as (
      select m.contract_id, m.obligation_id, m.currency, m.effective_date,
        case m.measure when 3 then -m.amount else m.amount end as price, 0::bigint as plan
      from movement m where m.tenant_id = p_tenant and m.measure in (1, 2, 3)
      union all
      select p.contract_id, p.obligation_id, p.currency, p.effective_date, 0, p.amount
      from plan_row p where p.tenant_id = p_tenant),
    day as (
      select c.contract_id, c.obligation_id, c.currency, c.effective_date,
        sum(c.price) as price, sum(c.plan) as plan
      from change c group by 1, 2, 3, 4),
    running as (
      select d.*, sum(d.price) over w as open_price, sum(d.plan) over w as open_plan from day d
      window w as (partition by d.contract_id, d.obligation_id order by d.effective_date))
    select 'sum of plan = TCV - R', r.contract_id, r.obligation_id, r.effective_date, r.currency,
      r.open_price, r.open_plan
    from running r where r.open_price <> r.open_plan;

  -- Rollups = raw rows, by contract.
  return query
    select 'rollup by contract = raw rows', f.contract_id, f.obligation_id, f.effective_month,
      f.currency, sum(f.raw), sum(f.rolled)
    from (
      select m.contract_id, m.obligation_id, m.segment, m.measure, m.cause, m.currency,
        date_trunc('month', m.effective_date)::date as effective_month,
        date_trunc('month', m.recorded_at at time zone 'UTC')::date as recorded_month,
        m.amount::numeric as raw, 0::numeric as rolled, m.contracts::bigint, m.segment_contracts::bigint
      from movement m where m.tenant_id = p_tenant
      union all
      select r.contract_id, r.obligation_id, r.segment, r.measure, r.cause, r.currency,
        r.effective_month, r.recorded_month, 0, r.amount, -r.contracts, -r.segment_contracts
      from rollup_contract r where r.tenant_id = p_tenant) f
    group by f.contract_id, f.obligation_id, f.segment, f.measure, f.cause, f.currency,
      f.effective_month, f.recorded_month
    having sum(f.raw) <> sum(f.rolled) or sum(f.contracts) <> 0 or sum(f.segment_contracts) <> 0;

  -- And by segment; the counts of contracts are measures of their own.
  return query
    select 'rollup by segment = raw rows', v_nil, f.segment, f.effective_month, f.currency,
      sum(f.raw), sum(f.rolled)
    from (
      select m.segment, k.measure, m.cause, m.currency,
        date_trunc('month', m.effective_date)::date as effective_month,
        date_trunc('month', m.recorded_at at time zone 'UTC')::date as recorded_month,
        k.amount::numeric as raw, 0::numeric as rolled
      from movement m cross join lateral (values (m.measure, m.amount),
        (65::smallint, m.contracts::bigint), (66::smallint, m.segment_contracts::bigint))
        k(measure, amount)
      where m.tenant_id = p_tenant and k.amount <> 0
      union all
      select p.segment, 64::smallint, 0::smallint, p.currency,
        date_trunc('month', p.due_date)::date,
        date_trunc('month', p.recorded_at at time zone 'UTC')::date, p.amount, 0
      from plan_row p where p.tenant_id = p_tenant and p.timed
      union all
      select r.segment, r.measure, r.cause, r.currency, make_date(r.effective_year, k.month, 1),
        r.recorded_month, 0, k.amount
      from rollup_segment r cross join lateral (values (1, r.m01), (2, r.m02), (3, r.m03),
        (4, r.m04), (5, r.m05), (6, r.m06), (7, r.m07), (8, r.m08), (9, r.m09), (10, r.m10),
        (11, r.m11), (12, r.m12)) k(month, amount)
      where r.tenant_id = p_tenant and k.amount <> 0) f
    group by f.segment, f.measure, f.cause, f.currency, f.effective_month, f.recorded_month
    having sum(f.raw) <> sum(f.rolled);

  -- backlog = TCV - R: as reports read it, in the middle of each month with movements and about its end,
  -- against the ledger.
  for v_date in
    select distinct date_trunc('month', m.effective_date)::date + d.days
    from movement m cross join (values (14), (30)) d(days) where m.tenant_id = p_tenant
  loop
    return query
      select 'reported backlog = TCV - R', v_nil, v_nil, v_date, l.currency, l.ledger, r.reported
      from (
        select m.currency, sum(case m.measure when 3 then -m.amount else m.amount end) as ledger
        from movement m
        where m.tenant_id = p_tenant and m.effective_date <= v_date and m.measure in (1, 2, 3)
        group by 1) l
      left join (
        select b.currency, b.amounts[1]::numeric + b.amounts[2]::numeric - b.amounts[3]::numeric
          as reported
        from report_backlog(
          p_tenant, v_date, null, null, null, null, '', '{}', '{}', '{}', 1000) b
        where b.kind = 1) r on r.currency = l.currency
      where l.ledger <> coalesce(r.reported, 0);
  end loop;

  -- Every entry that is applied stands in the audit trail, whose hashes are the leaves of its tree, and
  -- each two leaves have their node above them.
  return query
    select 'audit trail = applied position', v_nil, v_nil, null::date, a.log::text,
      a.seq::numeric, e.leaves::numeric
    from applied_position a cross join lateral (
      select count(*) filter (where e.seq <= a.seq and e.leaf_hash = sha256('\x00'::bytea || e.entry))
        - count(*) filter (where e.seq > a.seq) as leaves
      from audit_entry e where e.tenant_id = p_tenant and e.log = a.log) e
    where a.tenant_id = p_tenant and a.seq <> e.leaves
    union all
    select 'nodes of the tree = pairs of leaves', v_nil, v_nil, null::date, a.log::text,
      (a.seq / 2)::numeric, n.pairs::numeric
    from applied_position a cross join lateral (
      select count(*) as pairs from tree_node n
      join audit_entry l on l.tenant_id = p_tenant and l.log = a.log and l.seq = n.node_index * 2 + 1
      join audit_entry r on r.tenant_id = p_tenant and r.log = a.log and r.seq = n.node_index * 2 + 2
      where n.tenant_id = p_tenant and n.log = a.log and n.level = 1
        and n.hash = sha256('\x01'::bytea || l.leaf_hash || r.leaf_hash)) n
    where a.tenant_id = p_tenant and a.seq / 2 <> n.pairs;
end $$;

-- Begins a rebuild: takes away all projections of a tenant, its positions and its stop, and nothing
-- else. The writers' lock on the head makes it wait for batches under way.
create function reset_projections(p_tenant uuid)
returns void
language plpgsql as $$
declare
  v_table text;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  perform 1 from log_head h where h.tenant_id = p_tenant for update;
  foreach v_table in array array['tenant', 'dimension_set', 'contract', 'obligation', 'movement',
    'plan_revision', 'rollup_contract', 'rollup_segment', 'recorded_month', 'accounting_entry',
    'recognized_through', 'audit_entry', 'tree_node', 'applied_position', 'processing_stop']
  loop
    execute format('delete from %I where tenant_id = $1', v_table) using p_tenant;
  end loop;
end $$;
