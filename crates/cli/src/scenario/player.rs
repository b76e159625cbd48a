//! What plays a scenario: a running stack through its public API, or the pure fold alone.

use std::collections::BTreeMap;

use backlog_recognition_engine::{Balances, Role, RollForward};
use chrono::NaiveDate;

use crate::failure::Failure;

use super::model::{Step, Verb, View};

/// Revenue posted for one obligation, service month and posting period. Minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    /// Handle of the obligation.
    pub(crate) obligation: String,
    /// First day of the month of service.
    pub(crate) service_period: NaiveDate,
    /// First day of the month posted in.
    pub(crate) posting_period: NaiveDate,
    /// The sum posted.
    pub(crate) amount: i128,
}

/// Amounts by name, in minor units of the view's currency.
pub(crate) type Amounts<K> = BTreeMap<K, i128>;

/// The seam between the scenario and what it is played on. A refusal is a [`Failure`] with a
/// reason; it leaves everything as it was.
pub(crate) trait Player {
    /// Makes something happen on a day.
    async fn act(&mut self, on: NaiveDate, verb: &Verb) -> Result<(), Failure>;

    /// Called after each step, so that what was known at its end can be told later.
    async fn step_done(&mut self, step: &Step) -> Result<(), Failure>;

    /// Differs when anything was written since the last call.
    async fn fingerprint(&mut self) -> Result<String, Failure>;

    /// Balances at the end of the view's day.
    async fn balances(&mut self, view: &View) -> Result<Balances, Failure>;

    /// The roll-forward over a span of days; of the view's day nothing is taken.
    async fn roll_forward(
        &mut self,
        view: &View,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<RollForward, Failure>;

    /// First day on which anything in backlog can have changed; none before the first signature.
    fn first_day(&self) -> Option<NaiveDate>;

    /// Transaction price by obligation.
    async fn allocations(&mut self, view: &View) -> Result<Amounts<String>, Failure>;

    /// Still planned at the end of the view's day, by month.
    async fn schedule(&mut self, view: &View) -> Result<Amounts<NaiveDate>, Failure>;

    /// Recognized up to the view's day, by posting month.
    async fn by_month(&mut self, view: &View) -> Result<Amounts<NaiveDate>, Failure>;

    /// The journal of the posting period of the view's day, by role, in the functional currency.
    async fn journal(&mut self, view: &View) -> Result<Amounts<Role>, Failure>;

    /// How the last change of the view's contract up to its day was accounted for; none without one.
    async fn treatment(&mut self, view: &View) -> Result<Option<String>, Failure>;

    /// What a person should look at in the view's contract, by reason.
    async fn warnings(&mut self, view: &View) -> Result<Vec<String>, Failure>;

    /// Why the view's contract is none, by reason; nothing where it is one.
    async fn not_a_contract(&mut self, view: &View) -> Result<Vec<String>, Failure>;

    /// Why the figures of a contract are what they are, in words, line by line.
    async fn explain(&mut self, contract: &str) -> Result<Vec<String>, Failure>;

    /// Recognized up to the view's day, entry by entry.
    async fn entries(&mut self, view: &View) -> Result<Vec<Posted>, Failure>;
}
