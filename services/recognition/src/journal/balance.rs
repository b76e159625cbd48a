//! Whether the journal of a period balances: what its entries say, day by day of each contract, and what
//! is stored of them.

use std::collections::BTreeMap;
use std::fmt;

use backlog_db::Database;
use backlog_ids::{ContractId, TenantId};
use backlog_money::{Currency, Money};
use backlog_recognition_engine::{EngineError, JournalLine, Role, Turnover};
use chrono::NaiveDate;

use super::queries::{self, LogLines};
use crate::run::error::CallFault;

/// What does not balance in the journal of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unbalanced {
    /// How many days of contracts, and sums of roles.
    pub count: u64,
    /// The first of them, in words; empty when there is none.
    pub first: String,
}

/// Debits and credits by role.
type Sums = BTreeMap<(Role, Currency), Turnover>;

/// A day of a contract, in a currency.
type Day = (ContractId, NaiveDate, Currency);

/// Debits and credits of a period, from the lines of its entries.
#[derive(Debug, Default)]
struct Balance {
    /// Debits less credits of each day of a contract, where they differ.
    days: BTreeMap<Day, i128>,
    roles: Sums,
}

/// One thing that does not balance.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// Debits of a contract's day are not its credits.
    Day { contract: ContractId, on: NaiveDate, rest: Money },
    /// What is stored of a role is not what the entries post to it.
    Stored { table: &'static str, role: Role, currency: Currency },
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day { contract, on, rest } => {
                write!(to, "debits of {contract} on {on} less its credits are {rest}")
            }
            Self::Stored { table, role, currency } => {
                let role = role.name();
                write!(to, "{table} has other sums of {role} in {currency} than the log")
            }
        }
    }
}

impl Balance {
    fn post(&mut self, line: &JournalLine) -> Result<(), EngineError> {
        let (currency, amount) = (line.amount.currency(), line.amount.minor());
        self.roles.entry((line.role, currency)).or_default().post(amount)?;
        let day = (line.contract, line.effective_date, currency);
        let rest = self.days.entry(day).or_default();
        *rest = rest.checked_add(amount).ok_or(EngineError::Overflow)?;
        if *rest == 0 {
            self.days.remove(&day);
        }
        Ok(())
    }

    /// What does not balance, against what the tables hold of the period.
    fn faults(&self, stored: &[(&'static str, Sums)]) -> Vec<Fault> {
        let day =
            |((contract, on, currency), rest): (&(ContractId, NaiveDate, Currency), &i128)| {
                let rest = Money::from_minor(*rest, *currency);
                Fault::Day { contract: *contract, on: *on, rest }
            };
        let mut faults: Vec<Fault> = self.days.iter().map(day).collect();
        for (table, sums) in stored {
            let all =
                self.roles.keys().chain(sums.keys().filter(|of| !self.roles.contains_key(of)));
            for of in all {
                let known = |sums: &Sums| sums.get(of).copied().unwrap_or_default();
                if known(&self.roles) != known(sums) {
                    faults.push(Fault::Stored { table, role: of.0, currency: of.1 });
                }
            }
        }
        faults
    }
}

/// What does not balance in the journal of the period that begins on a day.
pub(crate) async fn unbalanced(
    database: &Database,
    tenant: TenantId,
    period: NaiveDate,
) -> Result<Unbalanced, CallFault> {
    // The sums and how far they go are of one snapshot; entries never change.
    let (totals, included) = queries::totals(database, tenant, period).await?;
    let through = included.recognition_seq;
    let totals = totals.into_iter().filter(|(posted_in, ..)| *posted_in == period);
    let totals = totals.map(|(_, role, currency, of)| ((role, currency), of)).collect();
    let sums = queries::sums(database, tenant, period, through).await?;
    let sums = sums.into_iter().map(|(role, currency, of)| ((role, currency), of)).collect();
    let mut balance = Balance::default();
    let mut log = LogLines::of_period(database, tenant, period, through);
    while let Some(lines) = log.next().await? {
        for (_, line) in lines.iter().filter(|(_, line)| line.posting_period == period) {
            balance.post(line).map_err(|error| {
                tracing::error!(%tenant, %error, "the journal of a period has no sum");
                CallFault::Internal
            })?;
        }
    }
    let faults = balance.faults(&[("journal_total", totals), ("journal_sum", sums)]);
    Ok(Unbalanced {
        count: u64::try_from(faults.len()).unwrap_or(u64::MAX),
        first: faults.first().map(ToString::to_string).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use backlog_recognition_engine::{Cause, accounting_contract_of};
    use uuid::Uuid;

    use super::*;

    fn line(contract: u128, day: u32, role: Role, amount: i128) -> JournalLine {
        let contract = ContractId::from_uuid(Uuid::from_u128(contract));
        JournalLine {
            contract,
            accounting_contract: accounting_contract_of(contract, 0),
            obligation: None,
            role,
            cause: Cause::Invoice,
            amount: Money::from_minor(amount, Currency::parse("USD").unwrap()),
            effective_date: NaiveDate::from_ymd_opt(2026, 1, day).unwrap(),
            posting_period: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        }
    }

    // Shows that debits and credits are compared per contract and day, not in sum: two days that are
    // wrong by the same amount are both found, though their sums balance; lines of one day may come in
    // several entries.
    #[test]
    fn each_day_of_each_contract_balances() {
        let mut balance = Balance::default();
        let balanced = [
            line(1, 5, Role::Receivable, 100),
            line(2, 5, Role::Receivable, 70),
            line(1, 5, Role::ContractLiability, -100),
            line(2, 5, Role::ContractLiability, -70),
        ];
        for line in &balanced {
            balance.post(line).unwrap();
        }
        let stored = balance.roles.clone();
        assert_eq!(balance.faults(&[("journal_total", stored)]), []);
        for line in [line(1, 6, Role::Cash, 9), line(1, 7, Role::Receivable, -9)] {
            balance.post(&line).unwrap();
        }
        let stored = balance.roles.clone();
        let faults = balance.faults(&[("journal_total", stored)]);
        let rests: Vec<i128> = faults
            .iter()
            .map(|fault| match fault {
                Fault::Day { rest, .. } => rest.minor(),
                Fault::Stored { .. } => 0,
            })
            .collect();
        assert_eq!(rests, [9, -9], "{faults:?}");
    }

    // Shows that sums which are stored otherwise than the log says are found: changed, missing, added.
    #[test]
    fn stored_sums_are_those_of_the_log() {
        let mut balance = Balance::default();
        balance.post(&line(1, 5, Role::Receivable, 100)).unwrap();
        balance.post(&line(1, 5, Role::ContractLiability, -100)).unwrap();
        let usd = Currency::parse("USD").unwrap();
        let mut stored = balance.roles.clone();
        stored.insert((Role::Receivable, usd), Turnover { debit: 101, credit: 0 });
        stored.remove(&(Role::ContractLiability, usd));
        stored.insert((Role::Cash, usd), Turnover { debit: 5, credit: 5 });
        let faults = balance.faults(&[("journal_sum", stored)]);
        let roles: Vec<Role> = faults
            .iter()
            .filter_map(|fault| match fault {
                Fault::Stored { role, .. } => Some(*role),
                Fault::Day { .. } => None,
            })
            .collect();
        assert_eq!(roles.len(), 3, "{faults:?}");
        assert!(roles.contains(&Role::Cash) && roles.contains(&Role::ContractLiability));
    }
}
