//! How a contract ends: what it says.

use backlog_money::{Currency, Money};
use backlog_proto::fields::Fields;
use chrono::NaiveDate;

/// A termination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Termination {
    /// First day on which nothing more is promised.
    pub(crate) effective_on: NaiveDate,
    /// What of the amounts billed is given back.
    pub(crate) refund: Refund,
    /// What the customer owes for ending it, above zero; none where nothing is.
    pub(crate) penalty: Option<Money>,
    /// Whether even what was earned is given up.
    pub(crate) forfeit_earned: bool,
    /// Last day of winding down, not before the effective one.
    pub(crate) wind_down_to: Option<NaiveDate>,
    /// Why; may be empty.
    pub(crate) reason: String,
}

/// What of the amounts billed is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refund {
    /// Nothing is said: what was not earned is owed to the customer.
    Unsaid,
    /// This much; what is billed beyond it is kept, and earned.
    Amount(Money),
    /// Everything billed beyond what was earned.
    All,
}

impl Termination {
    /// Records amounts in another currency than the contract's.
    pub(super) fn check(&self, fields: &mut Fields, currency: Currency) {
        let refund = match self.refund {
            Refund::Amount(amount) => Some(amount),
            Refund::Unsaid | Refund::All => None,
        };
        for (name, amount) in [("refund_amount", refund), ("penalty", self.penalty)] {
            if amount.is_some_and(|amount| amount.currency() != currency) {
                let field = format!("termination.{name}.currency_code");
                fields.violation(field, format!("must be {currency}, the contract's currency"));
            }
        }
    }
}
