-- How the contract service reads: one round trip each, the tenant set inside. Lists are pages in order
-- of id, after the id of the last item of the page before; the nil id is before all.

-- Makes an account, or answers the one made before under the same id.
create function create_account(p_account uuid, p_display_name text)
returns table (display_name text)
language plpgsql as $$
begin
  insert into account as a (account_id, display_name) values (p_account, p_display_name)
    on conflict (account_id) do nothing;
  return query select a.display_name from account a where a.account_id = p_account;
end $$;

-- Accounts after one: all, or only the one of the caller.
create function list_accounts(p_any boolean, p_account uuid, p_after uuid, p_limit int)
returns table (account_id uuid, display_name text)
language plpgsql as $$
begin
  return query
    select a.account_id, a.display_name from account a
    where a.account_id > p_after and (p_any or a.account_id = p_account)
    order by a.account_id limit p_limit;
end $$;

-- The tenants of these ids that exist, with their details.
create function tenants_of(p_tenants uuid[])
returns table (
  tenant_id uuid, account_id uuid, external_id text, display_name text, functional_currency text,
  suspended boolean)
language plpgsql as $$
begin
  if cardinality(p_tenants) = 0 then
    return;
  end if;
  perform set_config('app.tenant_id', array_to_string(p_tenants, ','), true);
  return query
    select r.tenant_id, r.account_id, r.external_id, t.display_name, t.functional_currency, h.suspended
    from tenant_registry r
    join tenant t on t.tenant_id = r.tenant_id
    join log_head h on h.tenant_id = r.tenant_id
    where r.tenant_id = any (p_tenants) order by r.tenant_id;
end $$;

-- Ids of the tenants after one, of all accounts or of one.
create function tenant_page(p_any boolean, p_account uuid, p_after uuid, p_limit int)
returns uuid[]
language plpgsql as $$
declare
  v_ids uuid[];
begin
  if p_any then
    select array_agg(p.tenant_id order by p.tenant_id) into v_ids from (
      select r.tenant_id from tenant_registry r
      where r.tenant_id > p_after order by r.tenant_id limit p_limit) p;
  else
    select array_agg(p.tenant_id order by p.tenant_id) into v_ids from (
      select r.tenant_id from tenant_registry r
      where r.account_id = p_account and r.tenant_id > p_after
      order by r.tenant_id limit p_limit) p;
  end if;
  return coalesce(v_ids, '{}');
end $$;

create function list_tenants(p_any boolean, p_account uuid, p_after uuid, p_limit int)
returns table (
  tenant_id uuid, account_id uuid, external_id text, display_name text, functional_currency text,
  suspended boolean)
language plpgsql as $$
begin
  return query select * from tenants_of(tenant_page(p_any, p_account, p_after, p_limit));
end $$;

-- How far the logs of a page of tenants go. Positions only.
create function list_tenant_health(p_any boolean, p_account uuid, p_after uuid, p_limit int)
returns table (tenant_id uuid, suspended boolean, contract_seq bigint, published_seq bigint)
language plpgsql as $$
begin
  return query
    select h.tenant_id, h.suspended, h.seq, coalesce(p.published_seq, 0)
    from log_head h left join relay_position p on p.tenant_id = h.tenant_id
    where h.tenant_id = any (tenant_page(p_any, p_account, p_after, p_limit))
    order by h.tenant_id;
end $$;

-- A row for each obligation of the contracts chosen, in order of contract and ordinal, the terms with the
-- first of each.
create function contract_rows(p_tenant uuid, p_contracts uuid[])
returns table (
  tenant_id uuid, contract_id uuid, version bigint, state smallint, signed_on date, changed_on date,
  paid bigint, terms bytea, transaction_price bigint, billed bigint, removed boolean)
language plpgsql as $$
begin
  return query
    select c.tenant_id, c.contract_id, c.version, c.state, c.signed_on, c.changed_on, c.paid,
      case when o.ordinal = 0 then c.terms else ''::bytea end, o.transaction_price, o.billed,
      o.removed
    from contract c
    join obligation o on o.tenant_id = c.tenant_id and o.contract_id = c.contract_id
    where c.tenant_id = p_tenant and c.contract_id = any (p_contracts)
      and o.tenant_id = p_tenant
    order by c.contract_id, o.ordinal;
end $$;

create function get_contract(p_tenant uuid, p_contract uuid)
returns table (
  tenant_id uuid, contract_id uuid, version bigint, state smallint, signed_on date, changed_on date,
  paid bigint, terms bytea, transaction_price bigint, billed bigint, removed boolean)
language plpgsql as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query select * from contract_rows(p_tenant, array[p_contract]);
end $$;

-- A page of contracts; 0 and '' choose all. It ends at p_limit contracts, or with the contract that
-- takes its obligations above p_obligations: callers keep one less than they get, so they know that
-- there is more.
create function list_contracts(
  p_tenant uuid, p_state smallint, p_customer text, p_after uuid, p_limit int, p_obligations int)
returns table (
  tenant_id uuid, contract_id uuid, version bigint, state smallint, signed_on date, changed_on date,
  paid bigint, terms bytea, transaction_price bigint, billed bigint, removed boolean)
language plpgsql as $$
declare
  v_ids uuid[];
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  select array_agg(p.contract_id) into v_ids from (
    select s.contract_id,
      sum(s.obligations) over (order by s.contract_id) - s.obligations as before
    from (
      select c.contract_id, c.obligations from contract c
      where c.tenant_id = p_tenant and c.contract_id > p_after
        and (p_state = 0 or c.state = p_state) and (p_customer = '' or c.customer = p_customer)
      order by c.contract_id limit p_limit) s) p
  where p.before <= p_obligations;
  return query select * from contract_rows(p_tenant, coalesce(v_ids, '{}'));
end $$;

-- A page of invoices, a row for each line; the nil contract chooses all. Pages end as above.
create function list_invoices(
  p_tenant uuid, p_contract uuid, p_after uuid, p_limit int, p_lines int)
returns table (
  invoice_id uuid, contract_id uuid, number text, issued_on date, due_on date, currency text,
  tax bigint, obligation_id uuid, amount bigint)
language plpgsql as $$
declare
  v_nil constant uuid := '00000000-0000-0000-0000-000000000000';
  v_ids uuid[];
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  if p_contract = v_nil then
    select array_agg(p.invoice_id) into v_ids from (
      select s.invoice_id, sum(s.lines) over (order by s.invoice_id) - s.lines as before
      from (
        select i.invoice_id, i.lines from invoice i
        where i.tenant_id = p_tenant and i.invoice_id > p_after
        order by i.invoice_id limit p_limit) s) p
    where p.before <= p_lines;
  else
    select array_agg(p.invoice_id) into v_ids from (
      select s.invoice_id, sum(s.lines) over (order by s.invoice_id) - s.lines as before
      from (
        select i.invoice_id, i.lines from invoice i
        where i.tenant_id = p_tenant and i.contract_id = p_contract and i.invoice_id > p_after
        order by i.invoice_id limit p_limit) s) p
    where p.before <= p_lines;
  end if;
  return query
    select i.invoice_id, i.contract_id, i.number, i.issued_on, i.due_on, i.currency, i.tax,
      l.obligation_id, l.amount
    from invoice i
    join invoice_line l on l.tenant_id = i.tenant_id and l.invoice_id = i.invoice_id
    where i.tenant_id = p_tenant and l.tenant_id = p_tenant
      and i.invoice_id = any (coalesce(v_ids, '{}'))
    order by i.invoice_id, l.ordinal;
end $$;

-- SHA-256 over the tenant's state: the hash of each row's text, table by table in order of key. The
-- forms of dates and bytes are fixed here, so that no setting of a session changes it.
create function state_digest(p_tenant uuid)
returns table (digest bytea)
language plpgsql set datestyle = 'ISO, YMD' set bytea_output = 'hex' as $$
begin
  perform set_config('app.tenant_id', p_tenant::text, true);
  return query
    select sha256(coalesce(string_agg(sha256(convert_to(r.line, 'UTF8')), ''::bytea
                                      order by r.place, r.k1, r.k2), ''::bytea))
    from (
      select 1 as place, t.tenant_id as k1, 0 as k2, t::text || h.suspended::text as line
        from tenant t join log_head h on h.tenant_id = t.tenant_id
        where t.tenant_id = p_tenant and h.tenant_id = p_tenant
      union all
      select 2, c.contract_id, 0, c::text from contract c where c.tenant_id = p_tenant
      union all
      select 3, o.contract_id, o.ordinal::int, o::text from obligation o where o.tenant_id = p_tenant
      union all
      select 4, i.invoice_id, 0, i::text from invoice i where i.tenant_id = p_tenant
      union all
      select 5, l.invoice_id, l.ordinal::int, l::text from invoice_line l where l.tenant_id = p_tenant
    ) r;
end $$;
