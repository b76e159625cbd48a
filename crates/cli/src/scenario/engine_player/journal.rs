//! Exchange rates and the journal, by the engine's own translation.

use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{Role, TranslationError, translate};
use chrono::NaiveDate;

use super::EnginePlayer;
use crate::failure::Failure;
use crate::scenario::model::{FxRate, View};
use crate::scenario::player::Amounts;

impl EnginePlayer {
    /// States a rate, as the recognition service takes it.
    pub(super) fn fx_rate(&mut self, on: NaiveDate, rate: FxRate) -> Result<(), Failure> {
        if rate.to != self.functional || rate.from == rate.to {
            let message = format!("rates are into {}, from another currency", self.functional);
            return Err(Failure::refused(ErrorReason::InvalidFields, message));
        }
        if self.periods.is_closed(on) {
            let message = format!("{on} lies in a closed period");
            return Err(Failure::refused(ErrorReason::PeriodClosed, message));
        }
        self.rates.set(rate.from, rate.kind, on, rate.rate);
        Ok(())
    }

    /// The journal of the posting period of the view's day.
    pub(super) fn journal_of(&self, view: &View) -> Result<Amounts<Role>, Failure> {
        let (ledger, filter) = (self.ledger(view), self.filter(view)?);
        let calendar = self.periods.calendar;
        let period = calendar.period_of(view.as_of).first;
        let lines = ledger.journal_lines(&filter);
        let translated =
            translate(lines, self.functional, &self.rates, calendar).map_err(|error| {
                let reason = match error {
                    TranslationError::RateMissing { .. } => ErrorReason::RateMissing,
                    TranslationError::Overflow => ErrorReason::Internal,
                };
                Failure::refused(reason, error.to_string())
            })?;
        let mut journal = Amounts::new();
        for line in translated.iter().filter(|line| line.posting_period == period) {
            let sum: &mut i128 = journal.entry(line.role).or_default();
            *sum = sum.saturating_add(line.functional.minor());
        }
        Ok(journal)
    }
}
