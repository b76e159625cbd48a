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
  calendar text not null,
  adjustments_need_approval boolean not null,
  version bigint not null check (version > 0)
);

-- `terms` is backlog.contract.v1.ContractTerms with all defaults filled in; beside it stands what lists
-- filter by. `signed_on` and `changed_on` of a draft are the first day of the calendar. `paid` is cash
-- received less cash given back.
create table contract (
  tenant_id uuid not null,
  contract_id uuid not null,
  version bigint not null check (version > 0),
  state smallint not null check (state in (1, 2, 3)),
  customer text not null,
  signed_on date not null,
  changed_on date not null,
  paid bigint not null check (paid between 0 and 1000000000000000),
  obligations smallint not null check (obligations > 0),
  terms bytea not null,
  primary key (tenant_id, contract_id),
  check ((state > 1) = (signed_on > date '0001-01-01')),
  check (signed_on <= changed_on)
) with (fillfactor = 90);

-- What changes of the promises of a contract, in the order of its terms. `transaction_price` is what can
-- be billed of it: at first what the allocation gave it. `billed` is what invoices took, less what
-- credit notes gave back; it may be more where others left room for it, and has no ceiling where it
-- follows what is used.
create table obligation (
  tenant_id uuid not null,
  contract_id uuid not null,
  ordinal smallint not null check (ordinal >= 0),
  obligation_id uuid not null,
  transaction_price bigint not null
    check (transaction_price between -4000000000000000 and 4000000000000000),
  billed bigint not null check (billed between 0 and 1000000000000000),
  removed boolean not null,
  primary key (tenant_id, contract_id, ordinal)
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
