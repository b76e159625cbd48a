//! The journal: what the fold emits, as balanced debits and credits by account role.
//!
//! A line is a movement seen from the general ledger. Over each day of a contract, all its accounting
//! contracts together, debits and credits are equal, because the net position is what was billed
//! unconditionally less what was earned, and what was billed unconditionally is owed or was paid:
//!
//! `receivable + cash + interest - tax = U` and `U = contract liability + refund liability - contract asset + R`.

mod position;
mod rates;
mod translate;

use std::collections::BTreeMap;

use backlog_ids::{AccountingContractId, ContractId, ObligationId};
use backlog_money::{Currency, Money};
use chrono::NaiveDate;

pub use self::{
    rates::{RateKind, Rates},
    translate::{Translated, TranslationError, translate},
};
use crate::{
    effects::{Cause, Effects, Measure, Movement},
    error::EngineError,
    math::{add, sub},
    named::named_enum,
};

named_enum! {
    /// What an account of the general ledger is for.
    pub enum Role {
        /// Invoiced and unpaid, with tax.
        Receivable = "receivable",
        /// Earned beyond what was billed, where only time must pass: what a tenant may show the
        /// contract asset as.
        UnbilledReceivable = "unbilled_receivable",
        /// Earned beyond what was billed.
        ContractAsset = "contract_asset",
        /// Billed or received beyond what was earned.
        ContractLiability = "contract_liability",
        /// What must be given back.
        RefundLiability = "refund_liability",
        /// Tax owed to the authority.
        TaxPayable = "tax_payable",
        /// Revenue.
        Revenue = "revenue",
        /// Interest on advances, less interest income on arrears.
        Interest = "interest",
        /// Differences of exchange; in the functional currency only.
        Fx = "fx",
        /// Cash received and given back.
        Cash = "cash",
    }
}

/// A line of the journal, in the contract's currency. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalLine {
    /// The legal contract.
    pub contract: ContractId,
    /// The accounting contract.
    pub accounting_contract: AccountingContractId,
    /// The obligation, of revenue.
    pub obligation: Option<ObligationId>,
    /// What account it is posted to.
    pub role: Role,
    /// Why.
    pub cause: Cause,
    /// A debit when positive, a credit when negative.
    pub amount: Money,
    /// Day on which it takes effect.
    pub effective_date: NaiveDate,
    /// First day of the accounting period it posts in.
    pub posting_period: NaiveDate,
}

/// What was debited and credited, both positive. Minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Debits.
    pub debit: i128,
    /// Credits.
    pub credit: i128,
}

impl JournalLine {
    /// The line of a movement; none where it is no matter of the general ledger, as backlog is not.
    #[must_use]
    pub fn of(movement: &Movement) -> Option<Self> {
        let (role, credit) = match movement.measure {
            Measure::Receivable => (Role::Receivable, false),
            Measure::Cash => (Role::Cash, false),
            Measure::Interest => (Role::Interest, false),
            Measure::ContractAsset => (Role::ContractAsset, false),
            Measure::DeferredRevenue => (Role::ContractLiability, true),
            Measure::RefundLiability => (Role::RefundLiability, true),
            Measure::Recognized => (Role::Revenue, true),
            Measure::Tax => (Role::TaxPayable, true),
            Measure::TransactionPrice
            | Measure::BeyondEnforceable
            | Measure::Billed
            | Measure::Unconditional
            | Measure::Potential => return None,
        };
        let minor = movement.amount.minor();
        let minor = if credit { minor.checked_neg()? } else { minor };
        Some(Self {
            contract: movement.contract,
            accounting_contract: movement.accounting_contract,
            obligation: movement.obligation.filter(|_| role == Role::Revenue),
            role,
            cause: movement.cause,
            amount: Money::from_minor(minor, movement.amount.currency()),
            effective_date: movement.effective_date,
            posting_period: movement.posting_period,
        })
    }
}

/// The lines of what a fact did, in the order of its movements.
#[must_use]
pub fn journal(effects: &Effects) -> Vec<JournalLine> {
    effects.movements.iter().filter_map(JournalLine::of).collect()
}

/// Debits and credits by posting period, role and currency. Errors on overflow.
pub fn turnover(
    lines: impl IntoIterator<Item = JournalLine>,
) -> Result<BTreeMap<(NaiveDate, Role, Currency), Turnover>, EngineError> {
    let mut sums: BTreeMap<_, Turnover> = BTreeMap::new();
    for line in lines {
        let key = (line.posting_period, line.role, line.amount.currency());
        sums.entry(key).or_default().post(line.amount.minor())?;
    }
    Ok(sums)
}

impl Turnover {
    /// Adds a debit, or a credit when negative. Errors on overflow.
    pub fn post(&mut self, amount: i128) -> Result<(), EngineError> {
        if amount < 0 {
            self.credit = sub(self.credit, amount)?;
        } else {
            self.debit = add(self.debit, amount)?;
        }
        Ok(())
    }

    /// Debits less credits. Errors on overflow.
    pub fn net(&self) -> Result<i128, EngineError> {
        sub(self.debit, self.credit)
    }
}
