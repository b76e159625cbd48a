//! Formulas with their numbers put in: what an amount was computed from, and what that comes to.

use backlog_money::{mul_div_floor, mul_div_half_away};

use super::label::Label;
use crate::{allocation::split, error::EngineError, math::add, named::named_enum};

named_enum! {
    /// What the two numbers of a share count.
    pub enum Unit {
        /// Days of service.
        Days = "days",
        /// Days of 30/360.
        Days360 = "days_360",
        /// Calendar months.
        Months = "months",
        /// Weights that mean something in proportion only.
        Parts = "parts",
        /// Units, hours or shares, in 10^-12.
        Quantity = "quantity",
        /// Percents, in 10^-12.
        Percent = "percent",
        /// Money, in minor units.
        Money = "money",
        /// A yearly rate in 10^-12, over the days of the year.
        YearlyRate = "yearly_rate",
    }
}

/// How an amount was computed. Amounts in minor units. A formula evaluates to what it explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// A figure from elsewhere.
    Figure {
        /// What it is.
        label: Label,
        /// Of which obligation or variable amount; none where it is the contract's, or plain.
        of: Option<String>,
        /// How much.
        amount: i128,
    },
    /// `of` x `part` / `whole`, rounded half away from zero, or down.
    Share {
        /// Of what.
        of: Box<Formula>,
        /// Numerator.
        part: i128,
        /// Denominator.
        whole: i128,
        /// What both count.
        unit: Unit,
        /// Whether it is rounded down.
        down: bool,
    },
    /// A part of `of` by weights, so that all parts sum: by largest remainder, ties by order.
    Split {
        /// Of what.
        of: Box<Formula>,
        /// What each part weighs, in minor units of a price unless all are one.
        weights: Vec<i128>,
        /// Which part.
        place: usize,
    },
    /// Terms added, or taken off where the flag says so.
    Sum(Vec<(bool, Formula)>),
    /// The larger of both.
    AtLeast(Box<Formula>, Box<Formula>),
    /// The smaller of both.
    AtMost(Box<Formula>, Box<Formula>),
}

impl Formula {
    /// A figure of the contract.
    #[must_use]
    pub const fn figure(label: Label, amount: i128) -> Self {
        Self::Figure { label, of: None, amount }
    }

    /// A figure of an obligation or variable amount.
    pub(super) fn figure_of(label: Label, of: &str, amount: i128) -> Self {
        Self::Figure { label, of: Some(of.to_owned()), amount }
    }

    /// A share of this, rounded half away from zero.
    #[must_use]
    pub fn share(self, (part, whole): (i128, i128), unit: Unit) -> Self {
        Self::Share { of: Box::new(self), part, whole, unit, down: false }
    }

    /// A part of this by weights.
    #[must_use]
    pub fn split(self, weights: &[i128], place: usize) -> Self {
        Self::Split { of: Box::new(self), weights: weights.to_vec(), place }
    }

    /// This and another.
    pub(super) fn plus(self, other: Self) -> Self {
        self.with(false, other)
    }

    /// This less another.
    pub(super) fn less(self, other: Self) -> Self {
        self.with(true, other)
    }

    /// This and a figure, unless that is zero.
    pub(super) fn plus_figure(self, label: Label, amount: i128) -> Self {
        if amount == 0 { self } else { self.plus(Self::figure(label, amount)) }
    }

    /// This less a figure, unless that is zero.
    pub(super) fn less_figure(self, label: Label, amount: i128) -> Self {
        if amount == 0 { self } else { self.less(Self::figure(label, amount)) }
    }

    /// This, but not less than another.
    pub(super) fn at_least(self, other: Self) -> Self {
        Self::AtLeast(Box::new(self), Box::new(other))
    }

    /// This, but not more than another.
    pub(super) fn at_most(self, other: Self) -> Self {
        Self::AtMost(Box::new(self), Box::new(other))
    }

    fn with(self, minus: bool, other: Self) -> Self {
        let mut terms = match self {
            Self::Sum(terms) => terms,
            one => vec![(false, one)],
        };
        match other {
            Self::Sum(others) if !minus => terms.extend(others),
            other => terms.push((minus, other)),
        }
        Self::Sum(terms)
    }

    /// What it comes to, in minor units.
    pub fn amount(&self) -> Result<i128, EngineError> {
        match self {
            Self::Figure { amount, .. } => Ok(*amount),
            Self::Share { of, part, whole, down, .. } => {
                let divide = if *down { mul_div_floor } else { mul_div_half_away };
                divide(of.amount()?, *part, *whole).ok_or(EngineError::Overflow)
            }
            Self::Split { of, weights, place } => {
                let parts = split(of.amount()?, weights)?;
                parts.get(*place).copied().ok_or(EngineError::Overflow)
            }
            Self::Sum(terms) => terms.iter().try_fold(0, |sum, (minus, term)| {
                let amount = term.amount()?;
                let signed = if *minus { amount.checked_neg() } else { Some(amount) };
                add(sum, signed.ok_or(EngineError::Overflow)?)
            }),
            Self::AtLeast(one, two) => Ok(one.amount()?.max(two.amount()?)),
            Self::AtMost(one, two) => Ok(one.amount()?.min(two.amount()?)),
        }
    }
}
