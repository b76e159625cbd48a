//! What an invoice, a report or a change of an obligation means for its places: what was promised of it
//! at first, and what later additions promised more (606-10-25-12).

use backlog_ids::ObligationId;
use backlog_money::Quantity;
use chrono::NaiveDate;

use crate::{
    amend::ObligationChange,
    error::EngineError,
    math::sub,
    method::Method,
    progress::Reading,
    state::{ContractState, ObligationState},
    term::Term,
};

impl ContractState {
    /// The places that an invoice line of an obligation concerns, each with its part: what is billed
    /// goes to what was promised first, as far as that has something unbilled, what is credited comes
    /// from what was promised last, as far as that was billed.
    pub(crate) fn of_line(
        &self,
        obligation: ObligationId,
        amount: i128,
    ) -> Result<Vec<(usize, i128)>, EngineError> {
        let mut places = self.places(obligation)?;
        if amount < 0 {
            places.reverse();
        }
        let (last, others) = places.split_last().ok_or(EngineError::Overflow)?;
        let mut left = amount;
        let mut parts = Vec::with_capacity(places.len());
        for place in others {
            let of = self.at(*place)?;
            let part = if amount < 0 {
                left.max(sub(0, of.billed)?.min(0))
            } else {
                left.min(sub(of.transaction_price, of.billed)?.max(0))
            };
            left = sub(left, part)?;
            parts.push((*place, part));
        }
        parts.push((*last, left));
        Ok(parts)
    }

    /// The places that a report concerns, each with its part of it: what was promised first is done
    /// first. Only what is counted can have been promised more of.
    pub(crate) fn of_reading(
        &self,
        obligation: ObligationId,
        reading: &Reading,
    ) -> Result<Vec<(usize, Reading)>, EngineError> {
        let places = self.promised_places(obligation)?;
        let (last, others) = places.split_last().ok_or(EngineError::Overflow)?;
        let mut left = reading.clone();
        let mut parts = Vec::with_capacity(places.len());
        for place in others {
            let (part, rest) = self.at(*place)?.part_of_reading(&left);
            left = rest;
            parts.extend(part.map(|part| (*place, part)));
        }
        parts.push((*last, left));
        Ok(parts)
    }

    /// The places that a change concerns, each with its part of it: what was promised first stays as
    /// it is, what was promised last changes. What goes below that is given up from the last on.
    pub(crate) fn of_change(
        &self,
        change: &ObligationChange,
    ) -> Result<Vec<(usize, ObligationChange)>, EngineError> {
        let removed = ObligationChange { remove: true, price: None, ..change.clone() };
        let mut places = self.promised_places(change.obligation)?;
        // An amount for days that are no longer promised is given up with them.
        let dropped = ObligationChange { total: None, term: None, ssp: None, ..removed.clone() };
        let all = self.places(change.obligation)?;
        let of_days = all.into_iter().filter(|place| !places.contains(place));
        let gone = |place: &usize| {
            let from = self.at(*place).map_or(NaiveDate::MIN, |of| of.term.from());
            change.remove || change.term.is_some_and(|term| term.to() < from)
        };
        let of_days: Vec<_> = of_days.filter(gone).map(|place| (place, dropped.clone())).collect();
        let mut given_up = Vec::new();
        if change.remove {
            let all = places.into_iter().map(|place| (place, change.clone()));
            return Ok(all.chain(of_days).collect());
        }
        let mut rest = change.clone();
        while let Some((last, others)) =
            places.split_last().filter(|(_, others)| !others.is_empty())
        {
            rest = self.less_than_all(change, others)?;
            if self.at(*last)?.can_become(&rest) {
                break;
            }
            given_up.push((*last, removed.clone()));
            places.pop();
            rest = change.clone();
        }
        given_up.extend(places.last().map(|last| (*last, rest)));
        given_up.reverse();
        given_up.extend(of_days);
        Ok(given_up)
    }

    /// A change of totals, less what other places of the obligation have of them.
    fn less_than_all(
        &self,
        change: &ObligationChange,
        others: &[usize],
    ) -> Result<ObligationChange, EngineError> {
        let mut rest = change.clone();
        for place in others {
            let other = self.at(*place)?;
            if let Some(price) = &mut rest.price {
                *price = sub(*price, other.stated.unwrap_or(other.transaction_price))?;
            }
            if let Some(ssp) = &mut rest.ssp {
                *ssp = sub(*ssp, other.ssp)?;
            }
            if let (Some(total), Some(of)) = (rest.total, other.method.total()) {
                rest.total = Some(total.checked_sub(of).ok_or(EngineError::Overflow)?);
            }
        }
        // Later days follow on those promised before.
        if let Some(last) = others.last()
            && let Some(term) = rest.term
            && let Some(next) = self.at(*last)?.term.to().succ_opt()
        {
            rest.term = Term::new(next, term.to()).ok().or(rest.term);
        }
        Ok(rest)
    }
}

impl ObligationState {
    /// Whether something of it remains after a change of its totals.
    fn can_become(&self, change: &ObligationChange) -> bool {
        change.total.is_none_or(|total| total > Quantity::ZERO)
            && change.term.is_none_or(|term| term.to() >= self.term.from())
    }

    /// The part of a report that it takes, if any, and what is left for what was promised later.
    fn part_of_reading(&self, reading: &Reading) -> (Option<Reading>, Reading) {
        let Some(total) = self.method.total() else {
            return (Some(reading.clone()), reading.clone());
        };
        let less = |all: Quantity, part: Quantity| all.checked_sub(part).unwrap_or(Quantity::ZERO);
        match reading {
            Reading::Units(done) => {
                let part = (*done).min(total);
                (Some(Reading::Units(part)), Reading::Units(less(*done, part)))
            }
            Reading::Hours(done) => {
                let part = (*done).min(total);
                (Some(Reading::Hours(part)), Reading::Hours(less(*done, part)))
            }
            Reading::Delivered { quantity, gate } => {
                let passed = self.passed(gate.as_deref().unwrap_or_default(), NaiveDate::MAX);
                let missing = sub(total.scaled(), passed.unwrap_or(0)).unwrap_or(0);
                let missing = Quantity::from_scaled(missing);
                let part = quantity.map_or(missing, |quantity| quantity.min(missing));
                let of = |quantity| Reading::Delivered { quantity, gate: gate.clone() };
                let rest = quantity.map(|quantity| less(quantity, part));
                ((part > Quantity::ZERO).then(|| of(Some(part))), of(rest))
            }
            other => (Some(other.clone()), other.clone()),
        }
    }
}

impl Method {
    /// How many units or hours are promised, where they are counted.
    #[must_use]
    pub const fn total(&self) -> Option<Quantity> {
        match self {
            Self::Units { total } | Self::LaborHours { total } => Some(*total),
            Self::PointInTime { quantity, .. } => Some(*quantity),
            _ => None,
        }
    }
}
