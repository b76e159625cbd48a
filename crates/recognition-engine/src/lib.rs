//! The pure fold from contract facts to accounting: allocation, plan, movements, balances.
//!
//! Facts go in one at a time ([`fold`]), movements of measures and changes of plan come out
//! ([`Effects`]). There is no clock, no input or output, and no panic: the recognition service, the
//! scenario runner and the offline verifier call this same fold and must get the same figures.
//! The rules, with their paragraphs, are in this crate's README.

mod accrual;
mod allocation;
mod balances;
mod billing;
mod book;
mod effects;
mod error;
mod facts;
mod fold;
mod invoice;
mod ledger;
mod named;
mod policy;
mod recognize;
mod schedule;
mod state;
mod term;
mod validate;
mod weights;

#[cfg(test)]
mod tests;

pub use accrual::accrued_part;
pub use allocation::allocate_price;
pub use billing::{check_ceiling, invoice_spread};
pub use book::{accounting_contract_of, book};
pub use effects::{Cause, Effects, Measure, Movement, PlanChange};
pub use error::{EngineError, Violation, ViolationReason};
pub use facts::{Fact, InvoiceFact, InvoiceLine, Method, SignedContract, SignedObligation};
pub use fold::fold;
pub use invoice::invoice;
pub use ledger::{Balances, Entry, Filter, Ledger, RollForward};
pub use policy::{Convention, Policy, ReceivableOn, Rounding};
pub use recognize::recognize;
pub use schedule::{PlannedMonth, Schedule, ScheduledMonth, plan};
pub use state::{BalancePoint, ContractState, ObligationState};
pub use term::{TERM_MONTHS_MAX, Term, TermError};
pub use validate::validate;

/// Version of these rules. Every movement names the version it was made under; a change of rules
/// that alters any result is a new version, and replay uses the movement's own.
pub const RULE_VERSION: u32 = 1;
