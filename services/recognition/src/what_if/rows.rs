//! What a what-if remembers from page to page, as its tables hold it.

use std::collections::{BTreeMap, BTreeSet};

use backlog_db::{DbError, QueryResult};
use backlog_ids::{AccountId, ContractId};
use backlog_money::Currency;
use backlog_recognition_engine::{
    Calendar, ContractState, Measure, Periods, Policy, PolicyVersion,
};
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::what_if::known;
use crate::accounting::books::{Books, TenantBooks};
use crate::accounting::rows::{due_from, never, posted_through};

/// Something as it is in the books, and under what is assumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Both<T> {
    /// In the books.
    pub(crate) books: T,
    /// Under what is assumed.
    pub(crate) assumed: T,
}

/// Sums of movements by period posted in, in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums(#[serde(with = "pairs")] BTreeMap<(NaiveDate, Currency, Measure), i128>);

impl Sums {
    /// Adds an amount. Sums are far below what an `i128` holds.
    pub(crate) fn add(&mut self, key: (NaiveDate, Currency, Measure), amount: i128) {
        let sum = self.0.entry(key).or_default();
        *sum = sum.saturating_add(amount);
    }

    /// All of them but zeros.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ((NaiveDate, Currency, Measure), i128)> {
        self.0.iter().map(|(key, amount)| (*key, *amount)).filter(|(_, amount)| *amount != 0)
    }
}

/// Maps as lists of pairs, for JSON has only texts as keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<
        'de,
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    >(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// What a run that has ended still goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// The run's last day.
    pub(crate) through: NaiveDate,
    /// The last contract that is done.
    pub(crate) after: Option<ContractId>,
}

/// What belongs to the books, or to what is assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    first: Policy,
    later: Vec<PolicyVersion>,
    /// What was posted.
    pub(crate) sums: Sums,
    /// What remains planned by month.
    #[serde(with = "pairs")]
    pub(crate) planned: BTreeMap<(Currency, NaiveDate), i128>,
}

impl Side {
    /// Versions of the policy after the first.
    pub(crate) fn later(&self) -> &[PolicyVersion] {
        &self.later
    }
}

/// The tenant, as far as it does not depend on what is assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tenant {
    account: AccountId,
    functional: Currency,
    calendar: String,
}

/// Revenue recognized of a contract, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Apart {
    /// The contract.
    pub(crate) contract: ContractId,
    /// Revenue recognized to date.
    pub(crate) recognized: Both<i128>,
}

impl Apart {
    /// How much it differs.
    pub(crate) const fn by(&self) -> u128 {
        self.recognized.assumed.abs_diff(self.recognized.books)
    }
}

/// Everything that a what-if remembers, contracts aside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Versions of the policy that it covers.
    pub(crate) policy_versions: u32,
    /// The entry of this log that it has reached.
    pub(crate) position: u64,
    /// The entry of the contract log that this accounts for.
    pub(crate) covered: u64,
    /// What of the run that ends there is left.
    pub(crate) sweep: Option<Sweep>,
    tenant: Option<Tenant>,
    /// Contracts that joined another, and which.
    #[serde(with = "pairs")]
    pub(crate) joined: BTreeMap<ContractId, ContractId>,
    /// Last days of closed periods.
    pub(crate) closed: BTreeSet<NaiveDate>,
    /// How far the books are recognized.
    pub(crate) recognized_through: Option<NaiveDate>,
    /// The books, folded again.
    pub(crate) books: Side,
    /// What is assumed.
    pub(crate) assumed: Side,
    /// What the entries say was posted.
    pub(crate) posted: Sums,
    /// The last contract that is added up.
    pub(crate) settled: Option<ContractId>,
    /// The contracts that differ the most.
    #[serde(with = "pairs")]
    pub(crate) apart: BTreeMap<Currency, Vec<Apart>>,
}

impl Kept {
    /// The start of a what-if that covers so many versions of the policy.
    pub(crate) fn start(policy_versions: u32) -> Self {
        Self { policy_versions, ..Self::default() }
    }

    /// The tenant's calendar.
    pub(crate) fn calendar(&self) -> Calendar {
        let word = self.tenant.as_ref().and_then(|tenant| Calendar::parse(&tenant.calendar));
        word.unwrap_or_default()
    }

    /// Both books without contracts. None where something cannot be read.
    pub(crate) fn books(&self) -> Option<Both<Books>> {
        Some(Both { books: self.side(&self.books)?, assumed: self.side(&self.assumed)? })
    }

    fn side(&self, side: &Side) -> Option<Books> {
        let joined = self.joined.clone();
        let Some(tenant) = &self.tenant else { return Some(Books { joined, ..Books::default() }) };
        let policies = side
            .later
            .iter()
            .map(|version| Some((version.policy.version, known(&version.policy, version.from)?)));
        let latest = side.later.last().map_or(side.first.version, |last| last.policy.version);
        let tenant = TenantBooks {
            account: tenant.account,
            functional: tenant.functional,
            policy: side.first,
            policy_versions: latest,
            periods: Periods {
                calendar: Calendar::parse(&tenant.calendar)?,
                closed_through: self.closed.last().copied(),
            },
            // Only what was approved is walked through.
            adjustments_need_approval: false,
            recognized_through: self.recognized_through,
            covered: self.covered,
        };
        let policies = policies.collect::<Option<_>>()?;
        Some(Books { tenant: Some(tenant), policies, joined, ..Books::default() })
    }

    /// Takes over what changed of both books, contracts aside.
    pub(crate) fn take(&mut self, both: &Both<Books>) {
        for (side, books) in [(&mut self.books, &both.books), (&mut self.assumed, &both.assumed)] {
            let policies = books.policies();
            (side.first, side.later) = (policies.first, policies.later);
        }
        self.joined.clone_from(&both.books.joined);
        self.tenant = both.books.tenant.map(|tenant| Tenant {
            account: tenant.account,
            functional: tenant.functional,
            calendar: tenant.periods.calendar.word(),
        });
    }
}

/// A contract of a what-if, as its row holds it.
pub(crate) struct ContractRow {
    pub(crate) contract: ContractId,
    pub(crate) due_from: NaiveDate,
    pub(crate) posted_through: NaiveDate,
    pub(crate) term_to: NaiveDate,
    pub(crate) governing: u32,
    pub(crate) books: String,
    pub(crate) assumed: String,
}

impl ContractRow {
    /// What is stored of a contract. Errors when it cannot be written, which plain data always can.
    pub(crate) fn of(both: &Both<ContractState>) -> Result<Self, DbError> {
        let state = &both.assumed;
        let obligations = || state.obligations.iter();
        let due = obligations().map(|of| due_from(state, of)).min().unwrap_or_else(never);
        let posted = obligations().map(posted_through).max();
        let term = obligations().map(|of| of.term.to()).max();
        Ok(Self {
            contract: both.books.contract,
            due_from: due.max(state.first_signed_on()),
            posted_through: posted.unwrap_or_else(never),
            term_to: term.unwrap_or_else(never),
            governing: state.governing().version,
            books: json(&both.books)?,
            assumed: json(&both.assumed)?,
        })
    }
}

/// Reads a contract of a what-if.
pub(crate) fn contract_from(row: &QueryResult) -> Result<Both<ContractState>, DbError> {
    let (books, assumed): (String, String) =
        (row.try_get("", "books")?, row.try_get("", "assumed")?);
    Ok(Both { books: parsed(&books)?, assumed: parsed(&assumed)? })
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Corrupt(format!("a what-if: {error}")))
}

pub(crate) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Corrupt(format!("a what-if: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that what is remembered comes back from its text as it was, with amounts beyond 64 bits.
    #[test]
    fn what_is_kept_survives_its_text() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let usd = Currency::parse("USD").unwrap();
        let contract = ContractId::from_uuid(uuid::Uuid::from_u128(1));
        let mut kept = Kept::start(2);
        kept.books
            .sums
            .add((day("2026-01-01"), usd, Measure::Recognized), i128::from(i64::MAX) * 9);
        kept.assumed.planned.insert((usd, day("2026-02-01")), -5);
        kept.sweep = Some(Sweep { through: day("2026-01-31"), after: Some(contract) });
        kept.closed.insert(day("2025-12-31"));
        kept.joined.insert(contract, ContractId::from_uuid(uuid::Uuid::from_u128(3)));
        kept.apart.insert(usd, vec![Apart { contract, recognized: Both { books: 1, assumed: 3 } }]);
        kept.tenant = Some(Tenant {
            account: AccountId::from_uuid(uuid::Uuid::from_u128(2)),
            functional: usd,
            calendar: Calendar::default().word(),
        });
        let again: Kept = parsed(&json(&kept).unwrap()).unwrap();
        assert_eq!(again, kept);
        assert_eq!(again.apart[&usd][0].by(), 2);
        assert!(parsed::<Kept>("{}").is_err());
    }

    // Shows that sums that came to nothing are none.
    #[test]
    fn zeros_are_left_out() {
        let usd = Currency::parse("USD").unwrap();
        let mut sums = Sums::default();
        sums.add((NaiveDate::MIN, usd, Measure::Recognized), 5);
        sums.add((NaiveDate::MIN, usd, Measure::Recognized), -5);
        assert_eq!(sums.iter().count(), 0);
    }
}
