//! Accounting periods as the fold sees them. A closed period never changes: what comes late takes
//! effect on the first open day, and says which day it is of.

use chrono::NaiveDate;

use crate::{calendar::Calendar, effects::Movement, error::EngineError, facts::Fact};

/// The tenant's calendar, and how far its periods are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Periods {
    /// The calendar.
    pub calendar: Calendar,
    /// Last day of the latest closed period; none when all are open.
    pub closed_through: Option<NaiveDate>,
}

impl Periods {
    /// Whether a day lies in a closed period.
    #[must_use]
    pub fn is_closed(&self, day: NaiveDate) -> bool {
        self.closed_through.is_some_and(|closed| day <= closed)
    }

    /// The day on which something of `day` can take effect: that day, or the first open one.
    #[must_use]
    pub fn effective(&self, day: NaiveDate) -> NaiveDate {
        match self.closed_through {
            Some(closed) if day <= closed => closed.succ_opt().unwrap_or(closed),
            _ => day,
        }
    }

    /// What a person decides the day of must not lie in a closed period: a run, an adjustment.
    pub(crate) fn admit(&self, fact: &Fact) -> Result<(), EngineError> {
        let on = fact.on();
        match fact {
            Fact::Run { .. } | Fact::Adjusted(_) if self.is_closed(on) => {
                Err(EngineError::PeriodClosed { on, open_from: self.effective(on) })
            }
            _ => Ok(()),
        }
    }

    /// The movement on a day that is open; of a closed one, with the day that it is of.
    pub(crate) fn open(&self, movement: Movement) -> Movement {
        let effective_date = self.effective(movement.effective_date);
        let late = effective_date != movement.effective_date;
        Movement {
            effective_date,
            late_of: movement.late_of.or(late.then_some(movement.effective_date)),
            ..movement
        }
    }
}
