//! A change of a signed contract: what it says, and what it makes of the contract. Pure.

use backlog_money::{Currency, MINOR_MAX, Quantity, mul_div_half_away};
use backlog_proto::fields::Fields;
use backlog_recognition_engine::{Clause, Method, Term, Treatment};
use chrono::NaiveDate;

use super::contract::Contract;
use super::convert::price_of;
use super::terms::{Promise, Terms};

/// A change that the parties approved. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Amendment {
    /// First day on which it holds.
    pub(crate) effective_on: NaiveDate,
    /// Obligations that change, each once.
    pub(crate) changes: Vec<Change>,
    /// Promises that are added.
    pub(crate) added: Vec<Promise>,
    /// How it is accounted for; as the standard has it where none is given.
    pub(crate) treatment: Option<Treatment>,
    /// On what terms it can be ended early from then on; as before where none are given.
    pub(crate) clauses: Option<Vec<Clause>>,
}

/// A change of one obligation: new totals over its whole life. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its key.
    pub(crate) key: String,
    /// New stated price.
    pub(crate) price: Option<i128>,
    /// New quantity.
    pub(crate) quantity: Option<Quantity>,
    /// New price of every unit.
    pub(crate) unit_price: Option<Quantity>,
    /// New term.
    pub(crate) term: Option<Term>,
    /// New stand-alone selling price of the whole.
    pub(crate) ssp: Option<i128>,
    /// Whether what remains is given up.
    pub(crate) remove: bool,
    /// Whether what remains is distinct from what was transferred; by its method where none is given.
    pub(crate) distinct: Option<bool>,
    /// New committed minimum of metered use.
    pub(crate) minimum: Option<i128>,
    /// New cap of metered use.
    pub(crate) cap: Option<i128>,
}

impl Contract {
    /// The contract as amended, and the amendment with prices and stand-alone selling prices of
    /// quantities worked out. Records what does not fit.
    pub(super) fn amend(
        &self,
        fields: &mut Fields,
        amendment: &Amendment,
    ) -> Option<(Self, Amendment)> {
        let mut next = self.next_version();
        next.changed_on = Some(amendment.effective_on);
        let priced: Vec<Option<i128>> = self.terms.obligations.iter().map(|o| o.price).collect();
        // Sound terms were shared before, so they can be.
        fields.keep("amendment", next.terms.price_each(self.id))?;
        let mut changes = Vec::with_capacity(amendment.changes.len());
        for (index, change) in amendment.changes.iter().enumerate() {
            let path = format!("amendment.changes[{index}]");
            let place = next.terms.obligations.iter().position(|o| o.key == change.key);
            let Some(promise) = place.and_then(|place| next.terms.obligations.get_mut(place))
            else {
                fields.violation(format!("{path}.key"), "must be the key of an obligation");
                continue;
            };
            let of = |parts: &[i128]| place.and_then(|p| parts.get(p)).copied().unwrap_or(0);
            let before = Before {
                stated: place.and_then(|place| priced.get(place).copied()).flatten(),
                billed: of(&self.billed),
                currency: self.terms.currency,
            };
            let old = promise.clone();
            changes.extend(promise.change(fields, &path, change, &before));
            if amendment.treatment == Some(Treatment::Separate) && !promise.only_adds_to(&old) {
                let sentence = "must not be separate: a change does more than add units, hours or \
                                days for more money";
                fields.violation("amendment.treatment", sentence);
            }
            grow(fields, &path, &mut next.terms, change.term);
        }
        for (index, promise) in amendment.added.iter().enumerate() {
            let path = format!("amendment.added[{index}]");
            if next.terms.obligations.iter().any(|known| known.key == promise.key) {
                fields.violation(format!("{path}.key"), "must not be that of another obligation");
            }
            grow(fields, &path, &mut next.terms, Some(promise.term));
            next.terms.obligations.push(promise.clone());
            next.billed.push(0);
        }
        if let Some(clauses) = &amendment.clauses {
            next.terms.clauses.clone_from(clauses);
        }
        if next.terms.total() > MINOR_MAX {
            let sentence = "must leave prices that sum to at most 10^15 minor units";
            fields.violation("amendment", sentence);
        }
        Some((next, Amendment { changes, ..amendment.clone() }))
    }
}

/// The contract's term covers those of its obligations.
fn grow(fields: &mut Fields, path: &str, terms: &mut Terms, term: Option<Term>) {
    let Some(term) = term else { return };
    let (from, to) = (terms.term.from().min(term.from()), terms.term.to().max(term.to()));
    if let Some(grown) = fields.keep(&format!("{path}.term"), Term::new(from, to)) {
        terms.term = grown;
    }
}

/// What an obligation was before its change.
struct Before {
    /// Stated price, before one was worked out from the contract's.
    stated: Option<i128>,
    billed: i128,
    currency: Currency,
}

impl Promise {
    /// Takes in a change and answers it with what is worked out.
    fn change(
        &mut self,
        fields: &mut Fields,
        path: &str,
        change: &Change,
        before: &Before,
    ) -> Option<Change> {
        if self.removed {
            let sentence = "must not be that of an obligation that was removed";
            fields.violation(format!("{path}.key"), sentence);
            return None;
        }
        if self.method.is_metered() {
            return self.meter(fields, path, change);
        }
        for (field, stated) in [("minimum", change.minimum), ("cap", change.cap)] {
            if stated.is_some() {
                let sentence = "must be unset: the obligation is not metered";
                fields.violation(format!("{path}.{field}"), sentence);
            }
        }
        if change.remove {
            let owed = change.price.unwrap_or(before.billed);
            self.transaction_price = owed;
            self.price = Some(owed);
            self.unit_price = None;
            self.removed = true;
            return Some(change.clone());
        }
        let price = self.new_price(fields, path, change, before.currency)?;
        if let Some(price) = price {
            // What was allocated to it changes as its stated price does.
            let stated = before.stated.unwrap_or(self.transaction_price);
            let more = price.saturating_sub(stated);
            self.transaction_price = self.transaction_price.saturating_add(more);
            self.price = Some(price);
        }
        let old = (self.units(), self.term);
        self.requantify(change, before.currency);
        self.term = change.term.unwrap_or(self.term);
        self.ssp = change.ssp.or_else(|| self.scaled_ssp(change, old));
        let measured = self.total().is_some();
        let scaled = change.quantity.and(self.ssp).filter(|_| !measured);
        Some(Change {
            price,
            // Recognition knows of totals that progress is measured by. What else a quantity changes
            // is the price and what the whole is sold for.
            quantity: change.quantity.filter(|_| measured),
            ssp: change.ssp.or(scaled),
            ..change.clone()
        })
    }

    /// Takes in other terms of metered use. What was used and when is for recognition to know.
    fn meter(&mut self, fields: &mut Fields, path: &str, change: &Change) -> Option<Change> {
        let used = "must be unset: the price follows what is used";
        let unfit = [
            ("price", used, change.price.is_some() && !change.remove),
            ("quantity", used, change.quantity.is_some()),
            ("ssp", used, change.ssp.is_some()),
        ];
        for (field, sentence, _) in unfit.iter().filter(|(_, _, stated)| *stated) {
            fields.violation(format!("{path}.{field}"), *sentence);
        }
        let before = self.committed();
        match &mut self.method {
            Method::Usage { unit_price, minimum, cap } => {
                *unit_price = change.unit_price.unwrap_or(*unit_price);
                *minimum = change.minimum.unwrap_or(*minimum);
                *cap = change.cap.or(*cap);
                if cap.is_some_and(|cap| cap < *minimum) {
                    fields.violation(format!("{path}.cap"), "must not be below the minimum");
                }
            }
            Method::RightToInvoice { unit_price, cap } => {
                *unit_price = change.unit_price.unwrap_or(*unit_price);
                *cap = change.cap.or(*cap);
                if change.minimum.is_some() {
                    let sentence = "must be unset: nothing is committed of work to be invoiced";
                    fields.violation(format!("{path}.minimum"), sentence);
                }
            }
            _ => {}
        }
        self.unit_price = change.unit_price.or(self.unit_price);
        self.term = change.term.unwrap_or(self.term);
        let more = self.committed().saturating_sub(before);
        self.transaction_price = self.transaction_price.saturating_add(more);
        if change.remove {
            // What was used and is not reported yet can still be billed.
            self.transaction_price = change.price.unwrap_or(0);
            self.removed = true;
        }
        Some(change.clone())
    }

    /// Whether more is promised than before, for more money, and nothing else changes.
    fn only_adds_to(&self, old: &Self) -> bool {
        let more_units = self.total() > old.total() && self.term == old.term;
        let longer = matches!(self.method, Method::StraightLine { .. })
            && self.term.from() == old.term.from()
            && self.term.to() > old.term.to();
        !self.removed && self.price > old.price && (more_units || longer)
    }

    /// Units or hours, as promised or as progress is measured.
    fn units(&self) -> Option<Quantity> {
        self.quantity.or(self.total())
    }

    /// The new stated price: as given, or of the new quantity at the new unit price; `Some(None)` when
    /// it stays.
    fn new_price(
        &self,
        fields: &mut Fields,
        path: &str,
        change: &Change,
        currency: Currency,
    ) -> Option<Option<i128>> {
        let measured = self.total().is_some();
        if change.quantity.is_some() && self.units().is_none() {
            let sentence = "must be empty: the obligation has no quantity; give the price";
            fields.violation(format!("{path}.quantity"), sentence);
            return None;
        }
        if change.price.is_some() || (change.quantity.is_none() && change.unit_price.is_none()) {
            return Some(change.price);
        }
        match (change.quantity.or(self.units()), change.unit_price.or(self.unit_price)) {
            (Some(quantity), Some(unit_price)) => {
                let price = price_of(quantity, unit_price, currency);
                let sentence = "must come to at most 10^15 minor units";
                fields.keep(path, price.map(Some).ok_or(sentence))
            }
            (None, _) => {
                let sentence = "must be empty: the obligation has no quantity; give the price";
                fields.violation(format!("{path}.unit_price"), sentence);
                None
            }
            // More or less is to be done for the same price.
            (Some(_), None) if measured => Some(None),
            (Some(_), None) => {
                let sentence = "must come with a price: the obligation has no unit_price";
                fields.violation(format!("{path}.quantity"), sentence);
                None
            }
        }
    }

    /// Sets quantity and unit price, which stay only as long as they make the price.
    fn requantify(&mut self, change: &Change, currency: Currency) {
        let stated = self.quantity.is_some() || change.unit_price.is_some();
        let by_quantity = matches!(self.method, Method::PointInTime { .. });
        if stated || (by_quantity && change.quantity.is_some()) {
            self.quantity = change.quantity.or(self.units());
        }
        if let Some(new) = change.quantity {
            match &mut self.method {
                Method::Units { total } | Method::LaborHours { total } => *total = new,
                Method::PointInTime { quantity, .. } => *quantity = new,
                _ => {}
            }
        }
        let unit_price = change.unit_price.or(self.unit_price);
        let made = self.quantity.zip(unit_price).and_then(|(q, u)| price_of(q, u, currency));
        self.unit_price = unit_price.filter(|_| made.is_some() && made == self.price);
    }

    /// What the whole is sold for alone, where the change does not say: in proportion to its units, or
    /// to the days of its term, as the engine has it too.
    fn scaled_ssp(&self, change: &Change, old: (Option<Quantity>, Term)) -> Option<i128> {
        let ssp = self.ssp?;
        let (new, old) = match (change.quantity.and(self.units()), old.0) {
            (Some(new), Some(old)) => (new.scaled(), old.scaled()),
            _ => (i128::from(self.term.days()), i128::from(old.1.days())),
        };
        mul_div_half_away(ssp, new, old.max(1)).filter(|ssp| *ssp > 0).or(Some(ssp))
    }
}
