//! The journal of what was posted.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Filter, Ledger, sums};
use crate::{
    error::EngineError,
    journal::{JournalLine, Role},
};

impl Ledger {
    /// All lines of the journal, in the order of the movements that they are of.
    pub fn journal_lines<'a>(
        &'a self,
        filter: &'a Filter,
    ) -> impl Iterator<Item = JournalLine> + 'a {
        let movements = self.movements.iter().filter(|movement| filter.movement(movement));
        movements.filter_map(JournalLine::of)
    }

    /// The net of each role in a posting period, debits positive; roles of zero left out. Minor units.
    pub fn journal(
        &self,
        posting_period: NaiveDate,
        filter: &Filter,
    ) -> Result<BTreeMap<Role, i128>, EngineError> {
        let lines = self.journal_lines(filter);
        let posted = lines.filter(|line| line.posting_period == posting_period);
        sums(posted.map(|line| (line.role, line.amount.minor())))
    }
}
