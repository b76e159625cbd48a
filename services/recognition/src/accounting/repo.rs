//! Loads what a batch needs of the books, and writes what it changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use backlog_db::{DbError, QueryResult, WriterTx};
use backlog_event_log::{Rows, Work};
use backlog_ids::{AdjustmentId, ContractId, RunId, TenantId};
use backlog_proto::common::v1::Log;
use backlog_recognition_engine::{ContractState, Fact, policies_due};
use chrono::NaiveDate;
use uuid::Uuid;

use super::books::{Books, BooksChange};
use super::named::{Named, earlier};
use super::rows;
use super::totals::PeriodTotals;
use crate::adjustment::{repo as adjustment_repo, rows as adjustment_rows};
use crate::domain::Command;
use crate::journal::JournalBooks;
use crate::journal::journal::Kept;
use crate::journal::rows as journal_rows;
use crate::period::{repo as period_repo, rows as period_rows};
use crate::policy::{repo as policy_repo, rows as policy_rows};
use crate::run::rows as run_rows;

/// Places of the tables in the flush.
const REGISTRY: usize = 0;
const TENANT: usize = 1;
const CONTRACT: usize = 2;
const OBLIGATION: usize = 3;
const POSTED: usize = 4;
const BALANCE: usize = 5;
const RUN: usize = 6;
const JOURNAL_SUM: usize = 7;
const JOURNAL_TOTAL: usize = 8;
const ACCOUNT_MAPPING: usize = 9;
const EXCHANGE_RATE: usize = 10;
const JOURNAL_EXPORT: usize = 11;
const TOTAL: usize = 12;
const CLOSE: usize = 13;
const ADJUSTMENT: usize = 14;
const LEASE: usize = 15;
const POLICY: usize = 16;

/// The tables, in the order of the places.
pub(crate) fn tables() -> Vec<backlog_db::TableSpec> {
    vec![
        rows::REGISTRY,
        rows::TENANT,
        rows::CONTRACT,
        rows::OBLIGATION,
        rows::POSTED,
        rows::BALANCE,
        run_rows::RUN,
        journal_rows::SUM,
        journal_rows::TOTAL,
        journal_rows::MAPPING,
        journal_rows::RATE,
        journal_rows::EXPORT,
        period_rows::TOTAL,
        period_rows::CLOSE,
        adjustment_rows::ADJUSTMENT,
        run_rows::LEASE,
        policy_rows::POLICY,
    ]
}

/// The books of a batch's tenants, as loaded and then changed.
#[derive(Debug, Default)]
pub struct Loaded {
    books: HashMap<TenantId, Books>,
    changed: HashMap<TenantId, Changed>,
    none: Books,
}

/// What a batch changed of one tenant's books.
#[derive(Debug, Default)]
struct Changed {
    opened: bool,
    tenant: bool,
    own_rows: BTreeSet<ContractId>,
    /// Those of whose obligations more changes than what runs post.
    bases: BTreeSet<ContractId>,
    contracts: BTreeSet<ContractId>,
    balances: BTreeMap<ContractId, NaiveDate>,
    runs: BTreeSet<RunId>,
    totals: PeriodTotals,
    closes: BTreeSet<(NaiveDate, u32)>,
    adjustments: BTreeSet<AdjustmentId>,
    policies: BTreeSet<u32>,
    /// The day through which scheduled runs are done.
    scheduled: Option<NaiveDate>,
}

impl Changed {
    /// Lets what is to be written of contracts that joined another be written with that.
    fn join(&mut self, state: &ContractState) {
        for joined in state.legal.more() {
            if self.contracts.remove(&joined.id) {
                self.own_rows.insert(state.contract);
                self.bases.insert(state.contract);
            }
            if let Some(from) = self.balances.remove(&joined.id) {
                let first = self.balances.entry(state.contract).or_insert(from);
                *first = from.min(*first);
            }
        }
    }
}

impl Loaded {
    /// A tenant's books; empty for one that nothing is loaded of.
    pub(crate) fn books(&self, tenant: TenantId) -> &Books {
        self.books.get(&tenant).unwrap_or(&self.none)
    }

    /// Takes a change in and remembers what to write of it.
    pub(crate) fn apply(&mut self, tenant: TenantId, change: BooksChange, place: u64) {
        let books = self.books.entry(tenant).or_default();
        let changed = self.changed.entry(tenant).or_default();
        let reached = |books: &Books| {
            books.tenant.map(|of| (of.recognized_through, of.periods, of.policy_versions))
        };
        let before = reached(books);
        changed.opened |= change.opens;
        for contract in &change.contracts {
            let id = contract.state.contract;
            changed.join(&contract.state);
            if contract.own_row {
                changed.own_rows.insert(id);
            }
            if contract.bases {
                changed.bases.insert(id);
            }
            changed.contracts.insert(id);
            if let Some(from) = contract.balances_from {
                let first = changed.balances.entry(id).or_insert(from);
                *first = from.min(*first);
            }
        }
        changed.runs.extend(change.run.as_ref().map(|run| run.id));
        changed.totals.add(&change.totals);
        changed.closes.extend(change.close.as_ref().map(|close| (close.first, close.version)));
        changed.adjustments.extend(change.adjustment.as_ref().map(|adjustment| adjustment.id));
        changed.policies.extend(change.policy.as_ref().map(|of| of.measures.policy.version));
        changed.scheduled = change.scheduled.max(changed.scheduled);
        books.apply(change, place);
        changed.tenant |= reached(books) != before;
    }

    /// Writes each changed key once.
    pub(crate) fn flush(self, out: &mut Rows<'_>) {
        for (tenant, changed) in &self.changed {
            let books = self.books(*tenant);
            if let Some(of_tenant) = books.tenant.as_ref().filter(|_| changed.tenant) {
                if changed.opened {
                    out.push(REGISTRY, rows::registry(*tenant, of_tenant));
                }
                out.push(TENANT, rows::tenant(*tenant, of_tenant));
            }
            for state in changed.contracts.iter().filter_map(|id| books.contracts.get(id)) {
                flush_contract(*tenant, (books, state), changed, out);
            }
            for run in changed.runs.iter().filter_map(|id| books.runs.get(id)) {
                out.push(RUN, run_rows::run(*tenant, run));
            }
            for (key, amount) in changed.totals.iter() {
                out.push(TOTAL, period_rows::total(*tenant, key, amount));
            }
            for close in changed.closes.iter().filter_map(|key| books.closes.get(key)) {
                out.push(CLOSE, period_rows::close(*tenant, close));
            }
            let adjustments = changed.adjustments.iter();
            for adjustment in adjustments.filter_map(|id| books.adjustments.get(id)) {
                out.push(ADJUSTMENT, adjustment_rows::adjustment(*tenant, adjustment));
            }
            for version in changed.policies.iter().filter_map(|key| books.policies.get(key)) {
                out.push(POLICY, policy_rows::policy(*tenant, version));
            }
            if let Some(through) = changed.scheduled {
                out.push(LEASE, run_rows::lease_done(*tenant, through));
            }
            flush_journal(*tenant, &books.journal, out);
        }
    }
}

/// What the batch posted and kept: nothing of it was loaded.
fn flush_journal(tenant: TenantId, journal: &JournalBooks, out: &mut Rows<'_>) {
    for (seq, sums) in &journal.sums {
        for (key, of) in sums {
            out.push(JOURNAL_SUM, journal_rows::sum(tenant, *seq, *key, of));
        }
    }
    for (key, of) in &journal.totals() {
        out.push(JOURNAL_TOTAL, journal_rows::total(tenant, *key, of));
    }
    for (seq, kept) in &journal.kept {
        match kept {
            Kept::Mapping(mapping) => {
                out.push(ACCOUNT_MAPPING, journal_rows::mapping(tenant, *seq, mapping));
            }
            Kept::Rate(rate) => out.push(EXCHANGE_RATE, journal_rows::rate(tenant, *seq, rate)),
            Kept::Export(period) => {
                out.push(JOURNAL_EXPORT, journal_rows::export(tenant, *seq, *period));
            }
        }
    }
}

fn flush_contract(
    tenant: TenantId,
    (books, state): (&Books, &ContractState),
    changed: &Changed,
    out: &mut Rows<'_>,
) {
    if changed.own_rows.contains(&state.contract) {
        for own in rows::own_rows(state) {
            let customer = books.customers.get(&own.legal.id).cloned().unwrap_or_default();
            out.push(CONTRACT, rows::contract(tenant, state, own, customer));
        }
    }
    for obligation in &state.obligations {
        if changed.bases.contains(&state.contract) {
            out.push(OBLIGATION, rows::obligation(tenant, state, obligation));
        } else {
            out.push(POSTED, rows::posted(tenant, state, obligation));
        }
    }
    if let Some(from) = changed.balances.get(&state.contract) {
        for portion in state.accounting.iter().flat_map(|part| part.portions.iter()) {
            for point in portion.balances.iter().filter(|point| point.on >= *from) {
                out.push(BALANCE, rows::balance(tenant, portion.id, point));
            }
        }
    }
}

/// Loads what the batch names: one query per table, balances in a second round, when it is known from
/// which day on they are needed.
pub(crate) async fn load(tx: &WriterTx, work: &[Work<'_, Command>]) -> Result<Loaded, DbError> {
    let mut named = Named::of(work);
    let mut loaded = Loaded::default();
    let heads = tenants(tx, &named, &mut loaded).await?;
    policy_repo::load(tx, &mut loaded.books).await?;
    if let [Work::Command(tenant, Command::Chunk(chunk))] = work {
        let worked = heads.get(tenant).and_then(|head| chunk.worked_out(*head));
        if let Some(worked) = worked {
            loaded.books.entry(*tenant).or_default().ahead = Some(worked);
            named.contracts.clear();
        }
    }
    if !named.runs.is_empty() {
        runs(tx, &named, &mut loaded).await?;
    }
    if !named.periods.is_empty() {
        period_repo::load(tx, &named.periods, &named.closes, &mut loaded.books).await?;
    }
    if !named.adjustments.is_empty() {
        adjustment_repo::load(tx, &named.adjustments, &mut loaded.books).await?;
    }
    if !named.scheduled.is_empty() {
        fences(tx, &named, &mut loaded).await?;
    }
    if !named.contracts.is_empty() {
        contracts(tx, &mut named, &mut loaded).await?;
        obligations(tx, &named, &mut loaded).await?;
        balances(tx, &named, &mut loaded).await?;
    }
    Ok(loaded)
}

/// Answers with the last entry of each tenant's log.
async fn tenants(
    tx: &WriterTx,
    named: &Named,
    loaded: &mut Loaded,
) -> Result<HashMap<TenantId, u64>, DbError> {
    let ids: Vec<Uuid> = named.tenants.iter().map(|tenant| tenant.uuid()).collect();
    let found = tx
        .query(
            "select t.tenant_id, r.account_id, t.policy_version, t.policy_versions, t.convention, t.rounding, \
             t.receivable_on, t.recognized_through, t.functional_currency, t.calendar, \
             t.adjustments_need_approval, t.closed_through, coalesce(a.seq, 0) as covered, \
             h.seq as head from tenant t join tenant_registry r on r.tenant_id = t.tenant_id \
             join log_head h on h.tenant_id = t.tenant_id \
             left join applied_position a on a.tenant_id = t.tenant_id and a.log = $2 \
             where t.tenant_id = any($1)",
            vec![ids.into(), i16::try_from(i32::from(Log::Contract)).unwrap_or_default().into()],
        )
        .await?;
    let mut heads = HashMap::new();
    for row in &found {
        let tenant = tenant_of(row)?;
        heads.insert(tenant, rows::count(row, "head")?);
        loaded.books.entry(tenant).or_default().tenant = Some(rows::tenant_from(row)?);
    }
    Ok(heads)
}

async fn runs(tx: &WriterTx, named: &Named, loaded: &mut Loaded) -> Result<(), DbError> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) =
        named.runs.iter().map(|(tenant, run)| (tenant.uuid(), run.uuid())).unzip();
    let found = tx
        .query(
            "select u.tenant_id, u.run_id, u.through, u.contract_id, u.chunks, u.entries_posted, \
             u.recognized, u.finished, u.seq \
             from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, run_id) \
             join recognition_run u on u.tenant_id = v.tenant_id and u.run_id = v.run_id",
            vec![tenants.into(), ids.into()],
        )
        .await?;
    for row in &found {
        let run = run_rows::run_from(row)?;
        loaded.books.entry(tenant_of(row)?).or_default().runs.insert(run.id, run);
    }
    Ok(())
}

/// Fences of leases, held as they are until the batch is committed: nobody takes a lease meanwhile.
async fn fences(tx: &WriterTx, named: &Named, loaded: &mut Loaded) -> Result<(), DbError> {
    let ids: Vec<Uuid> = named.scheduled.iter().map(|tenant| tenant.uuid()).collect();
    let found = tx
        .query(
            "select tenant_id, fence from run_lease where tenant_id = any($1) \
             order by tenant_id for share",
            vec![ids.into()],
        )
        .await?;
    for row in &found {
        loaded.books.entry(tenant_of(row)?).or_default().fence = Some(rows::count(row, "fence")?);
    }
    Ok(())
}

/// Contracts that joined others are loaded with those: what is named of them is then named of those.
async fn contracts(tx: &WriterTx, named: &mut Named, loaded: &mut Loaded) -> Result<(), DbError> {
    let joined = states(tx, named.contracts.keys().copied(), loaded).await?;
    if joined.is_empty() {
        return Ok(());
    }
    named.join(&joined);
    let known = |(tenant, contract): &(TenantId, ContractId)| {
        loaded.books(*tenant).contracts.contains_key(contract)
    };
    let missing: Vec<_> = named.contracts.keys().copied().filter(|key| !known(key)).collect();
    states(tx, missing.into_iter(), loaded).await.map(drop)
}

/// Loads contracts without their obligations and balances; answers those that joined others, and which.
async fn states(
    tx: &WriterTx,
    keys: impl Iterator<Item = (TenantId, ContractId)>,
    loaded: &mut Loaded,
) -> Result<Vec<(TenantId, ContractId, ContractId)>, DbError> {
    let (tenants, ids) = uuids(keys);
    let found = tx
        .query(
            "select c.tenant_id, c.contract_id, c.signed_on, \
             c.currency_code, c.policy_version, c.convention, c.rounding, c.receivable_on, \
             c.receivable, c.advance, c.combined_into, c.basis \
             from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, contract_id) \
             join contract_state c \
             on c.tenant_id = v.tenant_id and c.contract_id = v.contract_id",
            vec![tenants.into(), ids.into()],
        )
        .await?;
    let mut joined = Vec::new();
    for row in &found {
        let (tenant, contract) = (tenant_of(row)?, rows::id(row, "contract_id")?);
        let into: Uuid = row.try_get("", "combined_into")?;
        if !into.is_nil() && into != ContractId::uuid(contract) {
            joined.push((tenant, contract, ContractId::from_uuid(into)));
            continue;
        }
        let state = rows::contract_from(row)?;
        let books = loaded.books.entry(tenant).or_default();
        books.joined.extend(state.legal.more().iter().map(|legal| (legal.id, contract)));
        books.contracts.insert(contract, state);
    }
    Ok(joined)
}

async fn obligations(tx: &WriterTx, named: &Named, loaded: &mut Loaded) -> Result<(), DbError> {
    let legal = named.contracts.keys().flat_map(|(tenant, contract)| {
        let state = loaded.books(*tenant).contracts.get(contract);
        let all = state.into_iter().flat_map(|state| state.legal.iter());
        all.map(|legal| (*tenant, legal.id))
    });
    let (tenants, ids) = uuids(legal);
    let found = tx
        .query(
            "select o.tenant_id, o.contract_id, o.ordinal, o.obligation_id, o.key, \
             o.transaction_price, o.recognized, o.posted_through, o.billed, o.basis \
             from unnest($1::uuid[], $2::uuid[]) as v(tenant_id, contract_id) \
             join obligation o on o.tenant_id = v.tenant_id and o.contract_id = v.contract_id \
             order by o.tenant_id, o.contract_id, o.ordinal",
            vec![tenants.into(), ids.into()],
        )
        .await?;
    for row in &found {
        let obligation = rows::obligation_from(row)?;
        let books = loaded.books.entry(tenant_of(row)?).or_default();
        let contract = books.accounted_as(obligation.contract);
        let state = books.contracts.get_mut(&contract).ok_or_else(|| {
            DbError::Corrupt(format!("obligation {} has no contract", obligation.id))
        })?;
        state.obligations.push(obligation);
    }
    for (tenant, contract) in named.contracts.keys() {
        let books = loaded.books.entry(*tenant).or_default();
        if let Some(state) = books.contracts.get_mut(contract)
            && !state.legal.more().is_empty()
        {
            state.obligations.sort_by_key(|obligation| obligation.place);
        }
    }
    Ok(())
}

/// Points from the first day that may change, and the last one before.
async fn balances(tx: &WriterTx, named: &Named, loaded: &mut Loaded) -> Result<(), DbError> {
    let mut owners = HashMap::new();
    let (mut tenants, mut ids, mut since) = (Vec::new(), Vec::new(), Vec::new());
    for (key @ (tenant, contract), invoiced) in &named.contracts {
        let Some(state) = loaded.books(*tenant).contracts.get(contract) else { continue };
        let posted = named.recognized.get(key);
        // What the engine cannot compute is refused when it is decided.
        let posted = posted.and_then(|through| state.posts_from(*through).ok().flatten());
        let first = match (*invoiced, posted) {
            (Some(invoiced), posted) => earlier(posted, invoiced),
            (None, posted) => posted,
        };
        // What governs a contract from now on changes it on an earlier day.
        let by = named.recognized.get(key).copied().max(*invoiced);
        let first = match by.and_then(|by| governed_from(loaded.books(*tenant), state, by)) {
            Some(from) => earlier(first, from),
            None => first,
        };
        // What becomes a contract with the fact is booked on a day of its own, maybe an earlier one.
        let first = match state.standing.not_yet() {
            Some(_) => first.map(|_| rows::never()),
            None => first,
        };
        if let Some(first) = first {
            for portion in state.accounting.iter().flat_map(|part| part.portions.iter()) {
                owners.insert((*tenant, portion.id), *contract);
                tenants.push(tenant.uuid());
                ids.push(portion.id.uuid());
                since.push(first);
            }
        }
    }
    if since.is_empty() {
        return Ok(());
    }
    let found = tx
        .query(
            "select v.tenant_id, v.accounting_contract_id, b.on_date, b.unconditional, \
             b.recognized, b.refundable, b.deferred_revenue, b.contract_asset, \
             b.refund_liability, b.refund_estimate \
             from unnest($1::uuid[], $2::uuid[], $3::date[]) \
             as v(tenant_id, accounting_contract_id, since) cross join lateral (\
             (select p.* from balance_point p where p.tenant_id = v.tenant_id \
             and p.accounting_contract_id = v.accounting_contract_id and p.on_date >= v.since) \
             union all \
             (select p.* from balance_point p where p.tenant_id = v.tenant_id \
             and p.accounting_contract_id = v.accounting_contract_id and p.on_date < v.since \
             order by p.on_date desc limit 1)) b \
             order by v.tenant_id, v.accounting_contract_id, b.on_date",
            vec![tenants.into(), ids.into(), since.into()],
        )
        .await?;
    for row in &found {
        let tenant = tenant_of(row)?;
        let id = rows::id(row, "accounting_contract_id")?;
        let owner = owners.get(&(tenant, id));
        let books = loaded.books.entry(tenant).or_default();
        let state = owner.and_then(|contract| books.contracts.get_mut(contract));
        let parts = state.into_iter().flat_map(|state| &mut state.accounting);
        let mut portions = parts.flat_map(|part| part.portions.iter_mut());
        if let Some(portion) = portions.find(|portion| portion.id == id) {
            portion.balances.push(rows::balance_from(row)?);
        }
    }
    Ok(())
}

/// The first day on which a version of the policy governs that a contract takes up with a fact of a day.
fn governed_from(books: &Books, state: &ContractState, by: NaiveDate) -> Option<NaiveDate> {
    let due = policies_due(state, &Fact::Run { through: by }, &books.policies());
    due.first().map(|version| version.from)
}

fn uuids(keys: impl Iterator<Item = (TenantId, ContractId)>) -> (Vec<Uuid>, Vec<Uuid>) {
    keys.map(|(tenant, contract)| (tenant.uuid(), contract.uuid())).unzip()
}

pub(crate) fn tenant_of(row: &QueryResult) -> Result<TenantId, DbError> {
    rows::id(row, "tenant_id")
}
