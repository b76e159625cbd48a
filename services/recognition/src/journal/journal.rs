//! What the service keeps of the journal, pure: sums of each entry, and what people decide about it.

use std::collections::BTreeMap;

use backlog_ids::{JournalBatchId, TenantId, derive};
use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{
    Effects, EngineError, RateKind, Rates, Role, Turnover, journal, turnover,
};
use chrono::NaiveDate;

/// Debits and credits by posting period, role and currency.
pub type Sums = BTreeMap<(NaiveDate, Role, Currency), Turnover>;

/// Accounts of the tenant's chart by role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountMapping {
    /// The account of each role that has one.
    pub accounts: BTreeMap<Role, String>,
    /// Whether the contract asset is shown as unbilled receivable.
    pub unbilled_receivable: bool,
    /// Day on which it was decided; none of what holds before the first decision.
    pub on: Option<NaiveDate>,
}

/// An exchange rate as stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeRate {
    /// Currency of the amounts to be translated.
    pub from: Currency,
    /// The functional currency.
    pub to: Currency,
    /// What it is for.
    pub kind: RateKind,
    /// Its day.
    pub on: NaiveDate,
    /// Units of the one for one of the other.
    pub rate: Quantity,
}

/// A fact about the journal that this service keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Accounts were assigned to roles.
    Mapping(AccountMapping),
    /// A rate was stated.
    Rate(ExchangeRate),
    /// The period that begins on this day was exported.
    Export(NaiveDate),
}

impl Kept {
    /// The day that it is about.
    #[must_use]
    pub fn on(&self) -> Option<NaiveDate> {
        match self {
            Self::Mapping(mapping) => mapping.on,
            Self::Rate(rate) => Some(rate.on),
            Self::Export(period) => Some(*period),
        }
    }
}

/// What a decision changes of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalChange {
    /// What each entry written for it comes to, in their order.
    pub sums: Vec<Sums>,
    /// The fact that is kept.
    pub kept: Option<Kept>,
}

/// The journal by entry of the log, as far as it is loaded or was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalBooks {
    /// What each entry comes to.
    pub sums: BTreeMap<u64, Sums>,
    /// The fact that an entry keeps.
    pub kept: BTreeMap<u64, Kept>,
}

/// What an entry with these effects comes to. Errors when a sum fits no column.
pub(crate) fn sums(effects: &Effects) -> Result<Sums, EngineError> {
    let sums = turnover(journal(effects))?;
    let fits = |of: &Turnover| i64::try_from(of.debit).is_ok() && i64::try_from(of.credit).is_ok();
    if sums.values().all(fits) { Ok(sums) } else { Err(EngineError::Overflow) }
}

impl JournalChange {
    /// Of one entry.
    pub(crate) fn of(effects: &Effects) -> Result<Self, EngineError> {
        Ok(Self { sums: vec![sums(effects)?], kept: None })
    }
}

impl JournalBooks {
    /// Takes a change in; `place` is the last entry written for it, and its entries are consecutive.
    pub(crate) fn apply(&mut self, change: JournalChange, place: u64) {
        let entries = u64::try_from(change.sums.len()).unwrap_or_default();
        let first = place.saturating_add(1).saturating_sub(entries);
        for (seq, sums) in (first..).zip(change.sums) {
            if !sums.is_empty() {
                self.sums.insert(seq, sums);
            }
        }
        if let Some(kept) = change.kept {
            self.kept.insert(place, kept);
        }
    }

    /// All entries in one.
    pub(crate) fn totals(&self) -> Sums {
        let mut totals = Sums::new();
        for (key, of) in self.sums.values().flatten() {
            let total = totals.entry(*key).or_default();
            total.debit = total.debit.saturating_add(of.debit);
            total.credit = total.credit.saturating_add(of.credit);
        }
        totals
    }
}

/// An export of a period, covering entries after one up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: JournalBatchId,
    /// First day of the period.
    pub period: NaiveDate,
    /// Its own place in the log.
    pub seq: u64,
    /// The place of the period's export before it; 0 without one.
    pub previous: u64,
}

impl Batch {
    /// The last entry that the export before it covers.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.previous.saturating_sub(1)
    }

    /// The last entry that it covers: the one before it.
    #[must_use]
    pub fn through(&self) -> u64 {
        self.seq.saturating_sub(1)
    }
}

/// The id of an export: the same for the same tenant, period and position.
#[must_use]
pub fn batch_id(tenant: TenantId, period: NaiveDate, through: u64) -> JournalBatchId {
    JournalBatchId::from_uuid(derive(tenant.uuid(), &format!("journal/{period}/{through}")))
}

/// How a role is shown, and on which account.
impl AccountMapping {
    /// The role under which lines of `role` are shown.
    #[must_use]
    pub fn shown(&self, role: Role) -> Role {
        match role {
            Role::ContractAsset if self.unbilled_receivable => Role::UnbilledReceivable,
            role => role,
        }
    }

    /// The account of a role as shown; empty without one.
    #[must_use]
    pub fn account(&self, shown: Role) -> String {
        self.accounts.get(&shown).cloned().unwrap_or_default()
    }
}

/// Rates into the functional currency, in the order stated.
#[must_use]
pub(crate) fn rates(stated: &[ExchangeRate], functional: Currency) -> Rates {
    let mut rates = Rates::default();
    for rate in stated.iter().filter(|rate| rate.to == functional) {
        rates.set(rate.from, rate.kind, rate.on, rate.rate);
    }
    rates
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    // Shows that several entries of one decision keep their own places, and totals are theirs.
    #[test]
    fn entries_keep_their_places() {
        let currency = Currency::parse("USD").unwrap();
        let key = (day("2026-01-01"), Role::Revenue, currency);
        let of = |credit| Sums::from([(key, Turnover { debit: 0, credit })]);
        let change = JournalChange { sums: vec![of(5), Sums::new(), of(7)], kept: None };
        let mut books = JournalBooks::default();
        books.apply(change, 9);
        assert_eq!(books.sums.keys().copied().collect::<Vec<_>>(), [7, 9]);
        assert_eq!(books.totals()[&key], Turnover { debit: 0, credit: 12 });
        let kept = Kept::Export(day("2026-01-01"));
        books.apply(JournalChange { sums: Vec::new(), kept: Some(kept.clone()) }, 10);
        assert_eq!(books.kept[&10], kept);
    }

    // Shows that a batch covers what its predecessor does not, and that its id depends on all three.
    #[test]
    fn batches_follow_each_other() {
        let tenant = TenantId::from_uuid(Uuid::from_u128(1));
        let period = day("2026-01-01");
        let id = |through| batch_id(tenant, period, through);
        let first = Batch { id: id(4), period, seq: 5, previous: 0 };
        let second = Batch { id: id(8), period, seq: 9, previous: first.seq };
        assert_eq!((first.after(), first.through()), (0, 4));
        assert_eq!((second.after(), second.through()), (4, 8));
        assert_ne!(first.id, second.id);
        assert_ne!(first.id, batch_id(tenant, day("2026-02-01"), 4));
        assert_ne!(first.id, batch_id(TenantId::from_uuid(Uuid::from_u128(2)), period, 4));
    }

    // Shows that the contract asset is shown under the name that the tenant gives it, others as they are.
    #[test]
    fn the_asset_has_two_names() {
        let mut mapping = AccountMapping::default();
        mapping.accounts.insert(Role::UnbilledReceivable, "1210".to_owned());
        assert_eq!(mapping.shown(Role::ContractAsset), Role::ContractAsset);
        mapping.unbilled_receivable = true;
        assert_eq!(mapping.shown(Role::ContractAsset), Role::UnbilledReceivable);
        assert_eq!(mapping.shown(Role::Revenue), Role::Revenue);
        assert_eq!(mapping.account(Role::UnbilledReceivable), "1210");
        assert_eq!(mapping.account(Role::Revenue), "");
    }
}
