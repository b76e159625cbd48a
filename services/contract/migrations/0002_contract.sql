-- The state of the contract service: accounts, tenants, contracts with their obligations, invoices.
-- Rules: tenant_id leads every key of a tenant's table; no foreign keys between hot tables; row-level
-- security everywhere but on what holds ids only. Amounts are minor units of the row's currency, at
-- most 10^15. Enumerations are the numbers of the wire.

-- The vendors, known before any tenant and shared by their tenants: no tenant's table, so its key is
-- the account and row-level security does not apply. The name is the vendor's own.
create table account (
  account_id uuid primary key,
  display_name text not null
);

-- Which account owns a tenant. Ids only, so without row-level security: the door asks it before the
-- tenant is known to be the caller's.
create table tenant_registry (
  tenant_id uuid primary key,
  account_id uuid not null,
  external_id text not null
);
create index tenant_registry_account on tenant_registry (account_id, tenant_id);

-- What is known of a tenant beyond its ids. Whether it is suspended stands in log_head, which the
-- writer locks anyway.
create table tenant (
  tenant_id uuid primary key,
  display_name text not null,
  functional_currency text not null,
  convention smallint not null,
  rounding smallint not null,
  receivable_on smallint not null,
  version bigint not null check (version > 0)
);

-- `price` is the stated price of the whole, -1 where the obligations state theirs. `signed_on` of a
-- draft is the first day of the calendar.
create table contract (
  tenant_id uuid not null,
  contract_id uuid not null,
  version bigint not null check (version > 0),
  state smallint not null check (state in (1, 2)),
  number text not null,
  customer text not null,
  currency text not null,
  term_from date not null,
  term_to date not null,
  price bigint not null check (price between -1 and 1000000000000000),
  signed_on date not null,
  obligations smallint not null check (obligations > 0),
  dimensions jsonb not null,
  primary key (tenant_id, contract_id),
  check (term_from <= term_to),
  check ((state = 2) = (signed_on > date '0001-01-01'))
) with (fillfactor = 90);

-- The promises of a contract in its order. `price` is the stated one, -1 where the contract states it
-- for all; `ssp` is 0 where none is stated; `convention` is 0 where the tenant's policy decides.
-- `transaction_price` is what the allocation gave it, `billed` what invoices took of that.
create table obligation (
  tenant_id uuid not null,
  contract_id uuid not null,
  ordinal smallint not null check (ordinal >= 0),
  obligation_id uuid not null,
  key text not null,
  price bigint not null check (price between -1 and 1000000000000000),
  ssp bigint not null check (ssp between 0 and 1000000000000000),
  term_from date not null,
  term_to date not null,
  convention smallint not null,
  product_line text not null,
  transaction_price bigint not null check (transaction_price between 0 and 1000000000000000),
  billed bigint not null check (billed between 0 and transaction_price),
  primary key (tenant_id, contract_id, ordinal),
  check (term_from <= term_to)
) with (fillfactor = 80);

create table invoice (
  tenant_id uuid not null,
  invoice_id uuid not null,
  contract_id uuid not null,
  number text not null,
  issued_on date not null,
  due_on date not null,
  currency text not null,
  tax bigint not null check (tax between 0 and 1000000000000000),
  lines smallint not null check (lines > 0),
  primary key (tenant_id, invoice_id),
  check (issued_on <= due_on)
);
create index invoice_contract on invoice (tenant_id, contract_id, invoice_id);

create table invoice_line (
  tenant_id uuid not null,
  invoice_id uuid not null,
  ordinal smallint not null check (ordinal >= 0),
  obligation_id uuid not null,
  amount bigint not null check (amount between 1 and 1000000000000000),
  primary key (tenant_id, invoice_id, ordinal)
);

alter table tenant enable row level security;
alter table tenant force row level security;
alter table contract enable row level security;
alter table contract force row level security;
alter table obligation enable row level security;
alter table obligation force row level security;
alter table invoice enable row level security;
alter table invoice force row level security;
alter table invoice_line enable row level security;
alter table invoice_line force row level security;
-- Not an index condition on purpose: the statement names its tenant, the policy checks it. The cast
-- raises when the setting is empty, current_setting when it is missing.
create policy tenant on tenant using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on contract using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on obligation using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on invoice using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
create policy tenant on invoice_line using (
  (select regexp_split_to_array(current_setting('app.tenant_id'), ',')::uuid[]) @> array[tenant_id]);
