//! Balances at the end of a day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Filter, Ledger};
use crate::{
    accrual::accrued_part,
    effects::{Measure, ServiceDays},
    error::EngineError,
    math::{add, sub},
    term::days_through,
};

/// All measures at the end of a day, posted, in minor units of one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balances {
    /// Transaction price T.
    pub transaction_price: i128,
    /// What the stated term adds to T.
    pub beyond_enforceable: i128,
    /// Total contract value: T + beyond enforceable.
    pub tcv: i128,
    /// Revenue recognized R.
    pub recognized: i128,
    /// Backlog: TCV - R.
    pub backlog: i128,
    /// The firm part of backlog: T - R.
    pub firm: i128,
    /// Billed B, net of tax.
    pub billed: i128,
    /// B - U: billed, but not an unconditional right.
    pub conditional_billing: i128,
    /// TCV - B.
    pub unbilled_backlog: i128,
    /// Contract liability.
    pub deferred_revenue: i128,
    /// Contract asset.
    pub contract_asset: i128,
    /// Refund liability.
    pub refund_liability: i128,
    /// Invoiced and unpaid, with tax.
    pub receivable: i128,
    /// Cash received less cash given back.
    pub cash: i128,
    /// Interest accreted on advances, less interest income on arrears.
    pub interest: i128,
    /// What options not exercised would bring; never in backlog.
    pub potential: i128,
    /// R carried on to the day along the plan.
    pub recognized_accrued: i128,
    /// TCV - recognized accrued.
    pub backlog_accrued: i128,
}

impl Ledger {
    /// Balances at the end of `as_of`: sums of movements effective up to it. Errors on overflow.
    pub fn balances(&self, as_of: NaiveDate, filter: &Filter) -> Result<Balances, EngineError> {
        let mut totals: BTreeMap<Measure, i128> = BTreeMap::new();
        for movement in &self.movements {
            if movement.effective_date <= as_of && filter.movement(movement) {
                let total = totals.entry(movement.measure).or_default();
                *total = add(*total, movement.amount.minor())?;
            }
        }
        let total = |measure| totals.get(&measure).copied().unwrap_or_default();
        let transaction_price = total(Measure::TransactionPrice);
        let beyond_enforceable = total(Measure::BeyondEnforceable);
        let tcv = add(transaction_price, beyond_enforceable)?;
        let recognized = total(Measure::Recognized);
        let billed = total(Measure::Billed);
        let recognized_accrued = add(recognized, self.accrued(as_of, filter)?)?;
        Ok(Balances {
            transaction_price,
            beyond_enforceable,
            tcv,
            recognized,
            backlog: sub(tcv, recognized)?,
            firm: sub(transaction_price, recognized)?,
            billed,
            conditional_billing: sub(billed, total(Measure::Unconditional))?,
            unbilled_backlog: sub(tcv, billed)?,
            deferred_revenue: total(Measure::DeferredRevenue),
            contract_asset: total(Measure::ContractAsset),
            refund_liability: total(Measure::RefundLiability),
            receivable: total(Measure::Receivable),
            cash: total(Measure::Cash),
            interest: total(Measure::Interest),
            potential: total(Measure::Potential),
            recognized_accrued,
            backlog_accrued: sub(tcv, recognized_accrued)?,
        })
    }

    /// What plans have earned by the end of `as_of` beyond what is posted.
    fn accrued(&self, as_of: NaiveDate, filter: &Filter) -> Result<i128, EngineError> {
        // What remains and the plan's latest word on the days, per month.
        let mut months: BTreeMap<_, (i128, Option<ServiceDays>)> = BTreeMap::new();
        for change in self.planned_through(as_of, filter) {
            let month = months.entry((change.obligation, change.month)).or_default();
            month.0 = add(month.0, change.amount.minor())?;
            month.1 = change.service.or(month.1);
        }
        let mut accrued = 0;
        for (remaining, service) in months.into_values() {
            if let Some(service) = service {
                let elapsed = days_through(service.from, as_of);
                let days = days_through(service.from, service.to);
                accrued = add(accrued, accrued_part(remaining, elapsed, days))?;
            }
        }
        Ok(accrued)
    }
}
