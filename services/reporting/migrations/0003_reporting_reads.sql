-- How reporting reads: one round trip each, the tenant set inside. The functions are STABLE, so all
-- their statements see the one snapshot of the call. Statements are put together from literals, so that
-- each is planned for the dates and filters it has. Compiling them (jit) would take longer than they do,
-- and joins are by hash: what the planner expects of tables under row-level security, and of never
-- analyzed ones, is far too few rows, and nested loops over more do not end.

-- Up to where a reader sees, and how rollups and raw rows add up to that.
create type report_bounds as (
  -- The last entries included.
  recognition_seq bigint,
  contract_seq bigint,
  recognized_through date,
  -- Rollup rows recorded in months before this day count; raw rows of entries in
  -- (edge_after, edge_through] are added, or taken off again, by edge_sign; none when it is 0.
  recorded_before date,
  edge_after bigint,
  edge_through bigint,
  edge_sign integer
);

-- The bounds of what was known at positions; NULL for all that is applied. Of the month in which the
-- last known entry was recorded, the shorter end is read row by row.
create function report_bounds_of(p_tenant uuid, p_contract bigint, p_recognition bigint)
returns report_bounds
language plpgsql stable as $$
declare
  b report_bounds;
  v_applied bigint;
  v_month recorded_month;
  v_last bigint;
begin
  select coalesce(max(a.seq) filter (where a.log = 2), 0),
         coalesce(max(a.seq) filter (where a.log = 1), 0)
    into v_applied, b.contract_seq
    from applied_position a where a.tenant_id = p_tenant;
  b.recognition_seq := least(v_applied, coalesce(p_recognition, v_applied));
  if p_contract is not null then
    b.recognition_seq := least(b.recognition_seq, coalesce((
      select e.seq from accounting_entry e
      where e.tenant_id = p_tenant and e.covered_contract_seq <= p_contract
      order by e.covered_contract_seq desc, e.seq desc limit 1), 0));
  end if;
  b.recorded_before := 'infinity';
  b.edge_after := 0;
  b.edge_through := 0;
  b.edge_sign := 0;
  if b.recognition_seq < v_applied then
    b.contract_seq := coalesce((select e.covered_contract_seq from accounting_entry e
      where e.tenant_id = p_tenant and e.seq = b.recognition_seq), 0);
    select r.* into v_month from recorded_month r
      where r.tenant_id = p_tenant and r.log = 2 and r.first_seq <= b.recognition_seq
      order by r.month desc limit 1;
    -- A month ends where the next begins, or with what is applied.
    v_last := coalesce((select min(r.first_seq) - 1 from recorded_month r
      where r.tenant_id = p_tenant and r.log = 2 and r.month > v_month.month), v_applied);
    if v_month.month is null then
      b.recorded_before := '-infinity';
    elsif b.recognition_seq - v_month.first_seq < v_last - b.recognition_seq then
      b.recorded_before := v_month.month;
      b.edge_after := v_month.first_seq - 1;
      b.edge_through := b.recognition_seq;
      b.edge_sign := 1;
    else
      b.recorded_before := (v_month.month + interval '1 month')::date;
      if v_last > b.recognition_seq then
        b.edge_after := b.recognition_seq;
        b.edge_through := v_last;
        b.edge_sign := -1;
      end if;
    end if;
  end if;
  b.recognized_through := (select t.through from recognized_through t
    where t.tenant_id = p_tenant and t.source_seq <= b.recognition_seq
    order by t.source_seq desc limit 1);
  return b;
end $$;

-- SQL of movements under a condition.
create function report_movements_sql(
  p_tenant uuid, p_sign integer, p_condition text, p_restrict text)
returns text
language sql immutable as $$
  select format(
    'select contract_id, obligation_id, segment, currency, measure, cause, %1$s * amount::numeric '
    'as amount, %1$s * contracts::bigint as contracts, '
    '%1$s * segment_contracts::bigint as segment_contracts '
    'from movement where tenant_id = %2$L and %3$s%4$s',
    p_sign, p_tenant, p_condition, p_restrict)
$$;

-- SQL of plan changes under a condition.
create function report_plan_sql(p_tenant uuid, p_sign integer, p_condition text, p_restrict text)
returns text
language sql immutable as $$
  select format(
    'select contract_id, obligation_id, segment, currency, 64::smallint as measure, '
    '0::smallint as cause, %1$s * amount::numeric as amount, 0::bigint as contracts, '
    '0::bigint as segment_contracts from plan_row where tenant_id = %2$L and timed and %3$s%4$s',
    p_sign, p_tenant, p_condition, p_restrict)
$$;

-- SQL of the sum of a row of rollup_segment over its months from p_from (-infinity: ever) to before
-- p_end, both first days of months.
create function report_months_sql(p_from date, p_end date)
returns text
language plpgsql immutable as $$
declare
  v_last date := (p_end - interval '1 month')::date;
  v_last_year integer := extract(year from v_last);
  v_first_year integer := case when isfinite(p_from) then extract(year from p_from) end;
  v_cases text := '';
begin
  if v_first_year = v_last_year then
    return report_columns_sql(extract(month from p_from)::integer,
      extract(month from v_last)::integer);
  end if;
  if v_first_year is not null then
    v_cases := format(' when %s then %s', v_first_year,
      report_columns_sql(extract(month from p_from)::integer, 12));
  end if;
  return format('case effective_year%s when %s then %s else %s end', v_cases, v_last_year,
    report_columns_sql(1, extract(month from v_last)::integer), report_columns_sql(1, 12));
end $$;

-- "m04 + m05 + m06" for 4 and 6.
create function report_columns_sql(p_from integer, p_through integer)
returns text
language sql immutable as $$
  select string_agg('m' || lpad(n::text, 2, '0'), ' + ' order by n)
  from generate_series(p_from, p_through) n
$$;

-- SQL of rollup rows of whole months from p_from to before p_end, by p_source.
create function report_rollup_sql(
  p_tenant uuid, p_source text, p_from date, p_end date, p_recorded_before date, p_restrict text)
returns text
language plpgsql immutable as $$
begin
  if p_source = 'contract' then
    return format(
      'select contract_id, obligation_id, segment, currency, measure, cause, amount, contracts, '
      'segment_contracts from rollup_contract where tenant_id = %L and effective_month >= %L '
      'and effective_month < %L and recorded_month < %L%s',
      p_tenant, p_from, p_end, p_recorded_before, p_restrict);
  end if;
  return format(
    'select null::uuid as contract_id, null::uuid as obligation_id, segment, currency, '
    'case when measure > 64 then 1::smallint else measure end as measure, cause, '
    'case when measure > 64 then 0 else amount end as amount, '
    'case measure when 65 then amount::bigint else 0 end as contracts, '
    'case measure when 66 then amount::bigint else 0 end as segment_contracts '
    'from (select segment, currency, measure, cause, %s as amount from rollup_segment '
    'where tenant_id = %L and effective_year between %s and %s and recorded_month < %L%s) r',
    report_months_sql(p_from, p_end), p_tenant,
    case when isfinite(p_from) then extract(year from p_from)::integer else -2147483648 end,
    extract(year from p_end - interval '1 month')::integer, p_recorded_before, p_restrict);
end $$;

-- SQL of all facts that take effect from p_from (NULL: ever) through p_to. `p_source` is
-- 'segment' (rollups by segment, contract and obligation unknown), 'contract' (movements from rollups by
-- contract, plan changes one by one), or 'raw' (ledgers alone, for a p_restrict that names one contract).
-- Months that lie wholly in the span come from rollups, the days at its ends from raw rows by index.
create function report_facts_sql(
  p_tenant uuid, p_source text, p_from date, p_to date, b report_bounds, p_restrict text)
returns text
language plpgsql immutable as $$
declare
  v_first date := coalesce(p_from, '-infinity');
  v_months_from date := coalesce(p_from, '-infinity');
  v_months_end date := date_trunc('month', p_to)::date;
  -- "+ 0" keeps the bound from being an index condition: the days, or the contract, are the narrower.
  v_known text := format(' and source_seq + 0 <= %s', b.recognition_seq);
  v_edge text := format('source_seq > %s and source_seq <= %s', b.edge_after, b.edge_through);
  v_parts text[] := '{}';
begin
  if (p_to + 1) = (v_months_end + interval '1 month')::date then
    v_months_end := p_to + 1;
  end if;
  if p_from is not null and p_from <> date_trunc('month', p_from)::date then
    v_months_from := (date_trunc('month', p_from) + interval '1 month')::date;
  end if;
  if p_source = 'raw' or v_months_from >= v_months_end then
    return report_movements_sql(p_tenant, 1,
        format('effective_date between %L and %L', v_first, p_to) || v_known, p_restrict)
      || ' union all ' || report_plan_sql(p_tenant, 1,
        format('due_date between %L and %L', v_first, p_to) || v_known, p_restrict);
  end if;
  v_parts := array[report_rollup_sql(p_tenant, p_source, v_months_from, v_months_end,
    b.recorded_before, p_restrict)];
  if b.edge_sign <> 0 then
    v_parts := v_parts || report_movements_sql(p_tenant, b.edge_sign, v_edge
      || format(' and effective_date >= %L and effective_date < %L', v_months_from, v_months_end),
      p_restrict);
  end if;
  if v_first < v_months_from then
    v_parts := v_parts || report_movements_sql(p_tenant, 1,
      format('effective_date >= %L and effective_date < %L', v_first, v_months_from) || v_known,
      p_restrict);
  end if;
  if v_months_end <= p_to then
    v_parts := v_parts || report_movements_sql(p_tenant, 1,
      format('effective_date between %L and %L', v_months_end, p_to) || v_known, p_restrict);
  end if;
  if p_source = 'contract' then
    return array_to_string(v_parts || report_plan_sql(p_tenant, 1,
      format('due_date between %L and %L', v_first, p_to) || v_known, p_restrict), ' union all ');
  end if;
  if b.edge_sign <> 0 then
    v_parts := v_parts || report_plan_sql(p_tenant, b.edge_sign, v_edge
      || format(' and due_date >= %L and due_date < %L', v_months_from, v_months_end), p_restrict);
  end if;
  if v_first < v_months_from then
    v_parts := v_parts || report_plan_sql(p_tenant, 1,
      format('due_date >= %L and due_date < %L', v_first, v_months_from) || v_known, p_restrict);
  end if;
  if v_months_end <= p_to then
    -- Within a month only late changes are due, on their effective date.
    v_parts := v_parts || report_plan_sql(p_tenant, 1,
      format('some_late and late and effective_date between %L and %L', v_months_end, p_to)
        || v_known, p_restrict);
  end if;
  return array_to_string(v_parts, ' union all ');
end $$;

-- What a filter asks for, as parts of statements.
create type report_scope as (
  -- Which facts to read, see report_facts_sql.
  source text,
  restrict_sql text,
  -- Conditions on `d` (dimension_set) and `c` (contract).
  where_sql text,
  -- Whether contracts, dimension sets by contract, are needed.
  needs_contract boolean
);

create function report_scope_of(
  p_tenant uuid, p_contract uuid, p_obligation uuid, p_currency text,
  p_names text[], p_values text[], p_group_by text[])
returns report_scope
language plpgsql stable as $$
declare
  s report_scope;
  v_contract uuid := p_contract;
  v_in text := '';
begin
  s.restrict_sql := '';
  s.where_sql := '';
  s.needs_contract := 'customer' = any (p_group_by);
  for i in 1 .. coalesce(array_length(p_names, 1), 0) loop
    if p_names[i] = 'customer' then
      v_in := v_in || format(' and contract_id = any (%L::uuid[])', coalesce((
        select array_agg(k.contract_id) from contract k
        where k.tenant_id = p_tenant and k.customer = p_values[i]), '{}'));
    elsif p_names[i] = 'product_line' then
      s.where_sql := s.where_sql || format(' and d.product_line = %L', p_values[i]);
    else
      s.where_sql := s.where_sql
        || format(' and coalesce(d.dimensions ->> %L, '''') = %L', p_names[i], p_values[i]);
    end if;
  end loop;
  if p_obligation is not null then
    v_in := v_in || format(' and obligation_id = %L', p_obligation);
    if v_contract is null then
      v_contract := coalesce((select o.contract_id from obligation o
        where o.tenant_id = p_tenant and o.obligation_id = p_obligation),
        '00000000-0000-0000-0000-000000000000');
    end if;
  end if;
  if v_contract is not null then
    s.source := 'raw';
    s.restrict_sql := format(' and contract_id = %L', v_contract) || v_in;
  elsif v_in <> '' or s.needs_contract or 'contract' = any (p_group_by)
    or 'obligation' = any (p_group_by) then
    s.source := 'contract';
    s.restrict_sql := v_in;
  else
    s.source := 'segment';
  end if;
  if p_currency <> '' then
    s.restrict_sql := s.restrict_sql || format(' and currency = %L', p_currency);
  end if;
  return s;
end $$;

-- The group of a fact `s` as a text array: ids in their text form, texts as they are.
create function report_group_sql(p_group_by text[])
returns text
language sql immutable as $$
  select 'array[' || coalesce(string_agg(case g.name
      when 'customer' then 'c.customer'
      when 'product_line' then 'd.product_line'
      when 'contract' then '''ctr_'' || replace(s.contract_id::text, ''-'', '''')'
      when 'obligation' then 'case when s.obligation_id = ''00000000-0000-0000-0000-000000000000'' '
        'then '''' else ''obl_'' || replace(s.obligation_id::text, ''-'', '''') end'
      else format('coalesce(d.dimensions ->> %L, '''')', g.name) end, ', ' order by g.place), '')
    || ']::text[]'
  from unnest(p_group_by) with ordinality as g(name, place)
$$;

-- Balances at the end of a day. Rows of kind 0: the watermark, amounts are the positions in the
-- contract and recognition logs, from_date is recognized_through. Kind 1: sums per group and currency
-- of measures 1 to 12 and 64. Kind 2, where the day is not its month's last: what is still planned for
-- the month, by the days not posted, and how many obligations have just that. Of kind 1 at most p_limit
-- rows.
create function report_backlog(
  p_tenant uuid, p_as_of date, p_known_contract bigint, p_known_recognition bigint,
  p_contract uuid, p_obligation uuid, p_currency text, p_names text[], p_values text[],
  p_group_by text[], p_limit bigint)
returns table (
  kind smallint, group_values text[], currency text, amounts text[], contracts bigint,
  from_date date, to_date date)
language plpgsql stable set jit = off set enable_nestloop = off as $$
declare
  b report_bounds;
  s report_scope;
  v_month date := date_trunc('month', p_as_of)::date;
  v_joins text;
  v_count text := 'sum(s.contracts)';
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  b := report_bounds_of(p_tenant, p_known_contract, p_known_recognition);
  s := report_scope_of(
    p_tenant, p_contract, p_obligation, p_currency, p_names, p_values, p_group_by);
  kind := 0;
  group_values := '{}';
  currency := '';
  amounts := array[b.contract_seq::text, b.recognition_seq::text];
  contracts := 0;
  from_date := b.recognized_through;
  return next;

  if 'obligation' = any (p_group_by) or p_obligation is not null then
    v_count := 'max(case when s.obligation_id = ''00000000-0000-0000-0000-000000000000'' '
      'then 0 else 1 end)';
  elsif 'product_line' = any (p_group_by) or 'product_line' = any (p_names) then
    v_count := 'sum(s.segment_contracts)';
  end if;
  v_joins := format(
    ' join dimension_set d on d.tenant_id = %1$L and d.segment = s.segment%2$s where true%3$s',
    p_tenant,
    case when s.needs_contract then format(
      ' join contract c on c.tenant_id = %L and c.contract_id = s.contract_id', p_tenant)
      else '' end,
    s.where_sql);
  -- Facts that cancel out are no facts, so that the answer does not depend on how they are read.
  return query execute format(
    'with s as (select contract_id, obligation_id, segment, currency, measure, sum(amount) amount, '
    'sum(contracts) contracts, sum(segment_contracts) segment_contracts from (%1$s) f '
    'group by 1, 2, 3, 4, 5 having sum(amount) <> 0 or sum(contracts) <> 0) '
    'select 1::smallint, %2$s, s.currency, array[%3$s], %4$s::bigint, null::date, null::date '
    'from s%5$s group by 2, 3 limit %6$s',
    report_facts_sql(p_tenant, s.source, null, p_as_of, b, s.restrict_sql),
    report_group_sql(p_group_by),
    (select string_agg(format('coalesce(sum(s.amount) filter (where s.measure = %s), 0)::text', m),
       ', ' order by m) from unnest(array[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 64]) m),
    v_count, v_joins, p_limit);

  if p_as_of + 1 = (v_month + interval '1 month')::date then
    return;
  end if;
  return query execute format(
    'with s as (select contract_id, obligation_id, segment, currency, sum(amount) remaining, '
    '(array_agg(service_from order by source_seq desc, ordinal desc))[1] service_from, '
    '(array_agg(service_to order by source_seq desc, ordinal desc))[1] service_to from plan_row '
    'where tenant_id = %1$L and timed and month = %2$L and last_month >= %2$L and first_month <= %2$L '
    'and effective_date <= %3$L and source_seq + 0 <= %4$s%5$s '
    'group by 1, 2, 3, 4 having sum(amount) <> 0) '
    'select 2::smallint, %6$s, s.currency, array[s.remaining::text], count(*), '
    's.service_from, s.service_to from s%7$s '
    'group by 2, 3, s.remaining, s.service_from, s.service_to',
    p_tenant, v_month, p_as_of, b.recognition_seq, s.restrict_sql,
    report_group_sql(p_group_by), v_joins);
end $$;

-- What moves backlog. Rows of kind 0: the watermark, as above. Kind 1: opening, kind 2: closing, each
-- read by itself. Kind 3: changes by cause.
create function report_roll_forward(
  p_tenant uuid, p_from date, p_to date, p_known_contract bigint, p_known_recognition bigint,
  p_contract uuid, p_obligation uuid, p_currency text, p_names text[], p_values text[])
returns table (kind smallint, currency text, cause smallint, amounts text[], from_date date)
language plpgsql stable set jit = off set enable_nestloop = off as $$
declare
  b report_bounds;
  s report_scope;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  b := report_bounds_of(p_tenant, p_known_contract, p_known_recognition);
  s := report_scope_of(p_tenant, p_contract, p_obligation, p_currency, p_names, p_values, '{}');
  kind := 0;
  currency := '';
  cause := 0;
  amounts := array[b.contract_seq::text, b.recognition_seq::text];
  from_date := b.recognized_through;
  return next;
  return query execute format(
    'with opening as (%1$s), closing as (%2$s), change as (%3$s), '
    's as (select 1 kind, segment, currency, 0 cause, measure, amount from opening '
    'union all select 2, segment, currency, 0, measure, amount from closing '
    'union all select 3, segment, currency, cause, measure, amount from change), '
    'sums as (select kind, segment, currency, cause, measure, sum(amount) amount '
    'from s where measure in (1, 2, 3) group by 1, 2, 3, 4, 5 having sum(amount) <> 0) '
    'select s.kind::smallint, s.currency, s.cause::smallint, '
    'array[sum(case s.measure when 3 then -s.amount else s.amount end)::text], null::date '
    'from sums s join dimension_set d on d.tenant_id = %4$L and d.segment = s.segment where true%5$s '
    'group by 1, 2, 3',
    report_facts_sql(p_tenant, s.source, null, p_from - 1, b, s.restrict_sql),
    report_facts_sql(p_tenant, s.source, null, p_to, b, s.restrict_sql),
    report_facts_sql(p_tenant, s.source, p_from, p_to, b, s.restrict_sql),
    p_tenant, s.where_sql);
end $$;

-- The watermark, and a page of entries of a log after a place, in order; of one aggregate, or of all
-- when it is ''. At least one row comes back; its seq is NULL where there are no entries.
create function audit_entries(
  p_tenant uuid, p_log smallint, p_after bigint, p_limit bigint, p_aggregate text)
returns table (
  contract_seq bigint, recognition_seq bigint, recognized_through date, seq bigint, type text,
  aggregate_id text, effective_date date, recorded_at timestamptz, actor text, leaf_hash bytea,
  entry bytea)
language plpgsql stable as $$
declare
  b report_bounds;
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  b := report_bounds_of(p_tenant, null, null);
  if p_aggregate = '' then
    return query
      select b.contract_seq, b.recognition_seq, b.recognized_through, e.seq, e.type, e.aggregate_id,
        e.effective_date, e.recorded_at, e.actor, e.leaf_hash, e.entry
      from (values (1)) one left join (
        select * from audit_entry a
        where a.tenant_id = p_tenant and a.log = p_log and a.seq > p_after
        order by a.seq limit p_limit) e on true
      order by e.seq;
  else
    return query
      select b.contract_seq, b.recognition_seq, b.recognized_through, e.seq, e.type, e.aggregate_id,
        e.effective_date, e.recorded_at, e.actor, e.leaf_hash, e.entry
      from (values (1)) one left join (
        select * from audit_entry a
        where a.tenant_id = p_tenant and a.log = p_log and a.aggregate_id = p_aggregate
          and a.seq > p_after
        order by a.seq limit p_limit) e on true
      order by e.seq;
  end if;
end $$;

-- How large the trees are, and the newest checkpoint; its columns are NULL when there is none.
create function audit_state(p_tenant uuid)
returns table (
  contract_size bigint, recognition_size bigint, reporting_size bigint,
  signed_contract_size bigint, signed_recognition_size bigint, signed_reporting_size bigint,
  contract_root bytea, recognition_root bytea, reporting_root bytea, note text)
language plpgsql stable as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select
      coalesce((select a.seq from applied_position a where a.tenant_id = p_tenant and a.log = 1), 0),
      coalesce((select a.seq from applied_position a where a.tenant_id = p_tenant and a.log = 2), 0),
      coalesce((select h.seq from log_head h where h.tenant_id = p_tenant), 0),
      k.contract_size, k.recognition_size, k.reporting_size,
      k.contract_root, k.recognition_root, k.reporting_root, k.note
    from (values (1)) one left join (
      select * from checkpoint c where c.tenant_id = p_tenant
      order by c.contract_size desc, c.recognition_size desc, c.reporting_size desc
      limit 1) k on true;
end $$;

-- Checkpoints in order of age, after one. For checking them all, and, with a log and a size, the newest
-- that signs the tree of that size.
create function audit_checkpoints(p_tenant uuid, p_log smallint, p_size bigint)
returns table (
  contract_size bigint, recognition_size bigint, reporting_size bigint,
  contract_root bytea, recognition_root bytea, reporting_root bytea, note text)
language plpgsql stable as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select c.contract_size, c.recognition_size, c.reporting_size,
      c.contract_root, c.recognition_root, c.reporting_root, c.note
    from checkpoint c
    where c.tenant_id = p_tenant and (p_log = 0 or p_size = case p_log
      when 1 then c.contract_size when 2 then c.recognition_size else c.reporting_size end)
    order by c.contract_size, c.recognition_size, c.reporting_size;
end $$;

-- Nodes of the trees, by name, leaves from the audit trail; those that do not exist are left out.
-- Lateral with `offset 0`, so that they are found by key whatever the planner knows of the tables.
create function audit_nodes(p_tenant uuid, p_logs smallint[], p_levels smallint[], p_indexes bigint[])
returns table (log smallint, level smallint, node_index bigint, hash bytea)
language plpgsql stable as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select v.log, v.level, v.node_index, coalesce(n.hash, e.leaf_hash)
    from (select distinct u.log, u.level, u.node_index
          from unnest(p_logs, p_levels, p_indexes) as u(log, level, node_index)) v
    left join lateral (select x.hash from tree_node x where v.level > 0
      and x.tenant_id = p_tenant and x.log = v.log and x.level = v.level
      and x.node_index = v.node_index offset 0) n on true
    left join lateral (select x.leaf_hash from audit_entry x where v.level = 0
      and x.tenant_id = p_tenant and x.log = v.log and x.seq = v.node_index + 1 offset 0) e on true
    where n.hash is not null or e.leaf_hash is not null;
end $$;

-- Keeps a checkpoint, or answers the one that was made at the same sizes before.
create function store_checkpoint(
  p_tenant uuid, p_contract_size bigint, p_recognition_size bigint, p_reporting_size bigint,
  p_contract_root bytea, p_recognition_root bytea, p_reporting_root bytea, p_note text,
  p_made_at timestamptz)
returns table (note text)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  insert into checkpoint values (p_tenant, p_contract_size, p_recognition_size, p_reporting_size,
    p_contract_root, p_recognition_root, p_reporting_root, p_note, p_made_at)
    on conflict do nothing;
  return query
    select c.note from checkpoint c
    where c.tenant_id = p_tenant and c.contract_size = p_contract_size
      and c.recognition_size = p_recognition_size and c.reporting_size = p_reporting_size;
end $$;
