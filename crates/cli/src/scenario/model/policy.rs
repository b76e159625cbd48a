//! A version of the policy, as a step sets it.

use std::collections::BTreeSet;

use backlog_recognition_engine::{Convention, ReceivableOn, Rounding};
use chrono::NaiveDate;

use crate::policy::{Expedient, Standard};

/// The next version of the tenant's policy; what is not given is as in the version before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyStep {
    /// The first day on which it is in force.
    pub(crate) effective: NaiveDate,
    /// Convention where an obligation states none.
    pub(crate) convention: Option<Convention>,
    /// Rounding.
    pub(crate) rounding: Option<Rounding>,
    /// When invoices become unconditional.
    pub(crate) receivable_on: Option<ReceivableOn>,
    /// The standard.
    pub(crate) standard: Option<Standard>,
    /// Expedients, all that are used.
    pub(crate) expedients: Option<BTreeSet<Expedient>>,
}
