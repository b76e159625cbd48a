//! Trial balances, pure: openings, turnover and closings by currency and role.

use std::collections::BTreeMap;

use backlog_money::Currency;
use backlog_recognition_engine::{Role, Turnover};
use chrono::NaiveDate;

use super::journal::AccountMapping;

/// A role over a period. Minor units, debits positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Before the period.
    pub(crate) opening: i128,
    /// Within it.
    pub(crate) period: Turnover,
}

impl Balance {
    /// At the end of the period.
    pub(crate) fn closing(&self) -> i128 {
        self.opening.saturating_add(self.period.debit).saturating_sub(self.period.credit)
    }
}

/// A trial balance under way.
#[derive(Debug)]
pub(crate) struct TrialBalance<'a> {
    period: NaiveDate,
    mapping: &'a AccountMapping,
    pub(crate) balances: BTreeMap<(Currency, Role), Balance>,
}

impl<'a> TrialBalance<'a> {
    /// Of the period that begins on a day, with roles as the mapping shows them.
    pub(crate) fn of(period: NaiveDate, mapping: &'a AccountMapping) -> Self {
        Self { period, mapping, balances: BTreeMap::new() }
    }

    /// Takes in what was posted in a period; later ones do not count.
    pub(crate) fn post(&mut self, posted_in: NaiveDate, role: Role, of: (Currency, Turnover)) {
        let (currency, turnover) = of;
        if posted_in > self.period {
            return;
        }
        let shown = self.mapping.shown(role);
        let balance = self.balances.entry((currency, shown)).or_default();
        if posted_in == self.period {
            balance.period.debit = balance.period.debit.saturating_add(turnover.debit);
            balance.period.credit = balance.period.credit.saturating_add(turnover.credit);
        } else {
            let net = turnover.debit.saturating_sub(turnover.credit);
            balance.opening = balance.opening.saturating_add(net);
        }
    }

    /// Takes in an amount, a debit when positive.
    pub(crate) fn amount(&mut self, posted_in: NaiveDate, role: Role, of: (Currency, i128)) {
        let (currency, amount) = of;
        let debit = amount.max(0);
        let credit = debit.saturating_sub(amount);
        self.post(posted_in, role, (currency, Turnover { debit, credit }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that earlier periods are the opening, later ones do not count, and both sides stay apart.
    #[test]
    fn openings_and_turnover() {
        let usd = Currency::parse("USD").unwrap();
        let month = |n| NaiveDate::from_ymd_opt(2026, n, 1).unwrap();
        let mapping = AccountMapping { unbilled_receivable: true, ..AccountMapping::default() };
        let mut trial = TrialBalance::of(month(2), &mapping);
        trial.amount(month(1), Role::ContractAsset, (usd, 70));
        trial.amount(month(2), Role::ContractAsset, (usd, -50));
        trial.amount(month(2), Role::ContractAsset, (usd, 30));
        trial.amount(month(3), Role::ContractAsset, (usd, 1_000));
        let found = trial.balances[&(usd, Role::UnbilledReceivable)];
        let period = Turnover { debit: 30, credit: 50 };
        assert_eq!(found, Balance { opening: 70, period });
        assert_eq!((found.closing(), trial.balances.len()), (50, 1));
    }
}
