//! Balances from sums: pure. The measures are those of the design; nothing is rounded here but what the
//! engine rounds.

use backlog_recognition_engine::{Balances, accrued_part};
use chrono::NaiveDate;

/// Sums of movements effective by the end of a day, in minor units of one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Transaction price T.
    pub transaction_price: i128,
    /// What the stated term adds to T.
    pub beyond_enforceable: i128,
    /// Revenue recognized R.
    pub recognized: i128,
    /// Billed B.
    pub billed: i128,
    /// The unconditional part U of B.
    pub unconditional: i128,
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
    /// What options not exercised would bring.
    pub potential: i128,
    /// What plans still hold for months whose service is over.
    pub plan_due: i128,
}

/// Obligations whose service month is under way and that have the same figures in it. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenMonth {
    /// What the plan still holds for it, each.
    pub remaining: i128,
    /// First day that is not posted.
    pub service_from: NaiveDate,
    /// Last service day.
    pub service_to: NaiveDate,
    /// How many obligations have just these figures.
    pub obligations: u64,
}

impl OpenMonth {
    /// What these obligations have earned by the end of `as_of` beyond what is posted. None when it
    /// leaves its range.
    #[must_use]
    pub fn accrued(&self, as_of: NaiveDate) -> Option<i128> {
        let elapsed = days_through(self.service_from, as_of);
        let days = days_through(self.service_from, self.service_to);
        let each = accrued_part(self.remaining, elapsed, days);
        each.checked_mul(self.obligations.into())
    }
}

/// The balances that sums come to; `accrued` is what open months have earned beyond what is posted.
/// None when one leaves its range.
#[must_use]
pub fn balances(sums: &Sums, accrued: i128) -> Option<Balances> {
    let tcv = sums.transaction_price.checked_add(sums.beyond_enforceable)?;
    let recognized_accrued = sums.recognized.checked_add(sums.plan_due)?.checked_add(accrued)?;
    Some(Balances {
        transaction_price: sums.transaction_price,
        beyond_enforceable: sums.beyond_enforceable,
        tcv,
        recognized: sums.recognized,
        backlog: tcv.checked_sub(sums.recognized)?,
        firm: sums.transaction_price.checked_sub(sums.recognized)?,
        billed: sums.billed,
        conditional_billing: sums.billed.checked_sub(sums.unconditional)?,
        unbilled_backlog: tcv.checked_sub(sums.billed)?,
        deferred_revenue: sums.deferred_revenue,
        contract_asset: sums.contract_asset,
        refund_liability: sums.refund_liability,
        receivable: sums.receivable,
        cash: sums.cash,
        interest: sums.interest,
        potential: sums.potential,
        recognized_accrued,
        backlog_accrued: tcv.checked_sub(recognized_accrued)?,
    })
}

/// Number of days from `from` through `to`, both inclusive; none when `to` is before `from`.
fn days_through(from: NaiveDate, to: NaiveDate) -> u32 {
    let days = to.signed_duration_since(from).num_days().saturating_add(1);
    u32::try_from(days).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    // Shows the identities of the design on one set of sums, and that what open months earned only
    // moves the accrued figures, never the posted ones.
    #[test]
    fn balances_keep_the_identities() {
        let sums = Sums {
            transaction_price: 120_000,
            beyond_enforceable: 30_000,
            recognized: 10_000,
            billed: 50_000,
            unconditional: 40_000,
            deferred_revenue: 28_000,
            contract_asset: 0,
            refund_liability: 2_000,
            receivable: 55_000,
            cash: 65_000,
            interest: 0,
            potential: 7_000,
            plan_due: 5_000,
        };
        let at = balances(&sums, 700).unwrap();
        assert_eq!((at.tcv, at.backlog, at.firm), (150_000, 140_000, 110_000));
        assert_eq!((at.unbilled_backlog, at.conditional_billing), (100_000, 10_000));
        let parts = at.unbilled_backlog
            + at.conditional_billing
            + at.deferred_revenue
            + at.refund_liability
            - at.contract_asset;
        assert_eq!(at.backlog, parts);
        assert_eq!((at.recognized_accrued, at.backlog_accrued), (15_700, 134_300));
        let without = balances(&sums, 0).unwrap();
        assert_eq!((without.recognized, without.backlog), (at.recognized, at.backlog));
        let too_large = Sums { transaction_price: i128::MAX, ..sums };
        assert_eq!(balances(&too_large, 0), None);
    }

    // Shows that a month under way is earned by service day, counted per obligation before it is
    // multiplied, so that many obligations round as each of them does.
    #[test]
    fn open_months_round_per_obligation() {
        let open = OpenMonth {
            remaining: 10_000,
            service_from: day("2026-01-01"),
            service_to: day("2026-01-31"),
            obligations: 3,
        };
        // 10,000 x 15 / 31 = 4,838.7 each.
        assert_eq!(open.accrued(day("2026-01-15")), Some(3 * 4_839));
        assert_eq!(open.accrued(day("2025-12-31")), Some(0));
        assert_eq!(open.accrued(day("2026-02-10")), Some(30_000));
        let half = OpenMonth { remaining: 5_000, service_from: day("2026-01-16"), ..open };
        assert_eq!(half.accrued(day("2026-01-15")), Some(0), "what is posted accrues no more");
        assert_eq!(half.accrued(day("2026-01-23")), Some(7_500));
    }
}
