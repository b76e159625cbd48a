//! Invoices, credit notes and cash, with what the contract service checks before they are facts.

use backlog_ids::{InvoiceId, ObligationId, derive};
use backlog_money::{AllocateError, Money, allocate};
use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{
    self as engine, CreditFact, EngineError, Fact, InvoiceFact, InvoiceLine, PaymentFact,
    check_ceiling, invoice_spread,
};
use chrono::NaiveDate;

use crate::failure::{Exit, Failure};

use super::super::model::{Cash, Concession, CreditNote, Invoice};
use super::refusal::{refusal, unfit};
use super::tally::Tally;
use super::{EnginePlayer, Signed};

impl EnginePlayer {
    pub(super) fn invoice(&mut self, on: NaiveDate, invoice: &Invoice) -> Result<(), Failure> {
        let tax = sound(invoice.amount, invoice.tax)?;
        let due_on = invoice.due_on.unwrap_or(on);
        if due_on < on {
            return Err(unfit("payment cannot be due before the day of issue"));
        }
        let known = self.open(&invoice.contract)?;
        let contract = known.contract;
        let amount = invoice.amount.minor();
        let parts = match &invoice.obligation {
            Some(key) => billed_alone(known.tally, key, amount)?,
            None => spread(known.tally, amount)?,
        };
        let number = self.effects.len().to_string();
        let fact = Fact::Invoiced(InvoiceFact {
            invoice: InvoiceId::from_uuid(derive(contract.uuid(), &number)),
            contract,
            issued_on: on,
            due_on,
            lines: lines(known, &parts),
            tax,
        });
        self.fold(on, &invoice.contract, &fact)?;
        self.keep(&invoice.contract, |kept| bill(kept, &parts, i128::saturating_add));
        Ok(())
    }

    pub(super) fn credit_note(&mut self, on: NaiveDate, note: &CreditNote) -> Result<(), Failure> {
        let tax = sound(note.amount, note.tax)?;
        let known = self.signed(&note.contract)?;
        if note.concession.is_some() {
            known.tally.check_change(on)?;
        }
        let amount = note.amount.minor();
        let billed: Vec<i128> = known.tally.promises.iter().map(|promise| promise.billed).collect();
        let parts = match &note.obligation {
            Some(key) => alone(known.tally, key, amount)?,
            None => match billed.iter().fold(0, |sum: i128, part| sum.saturating_add(*part)) {
                available if amount > available => return Err(too_much(available)),
                _ => shares(amount, &billed)?,
            },
        };
        if let Some((_, available)) = parts.iter().zip(&billed).find(|(part, billed)| part > billed)
        {
            return Err(too_much(*available));
        }
        let fact = Fact::Credited(CreditFact {
            contract: known.contract,
            on,
            lines: lines(known, &parts),
            tax,
            concession: match note.concession {
                None => engine::Concession::None,
                Some(Concession::Whole) => engine::Concession::Whole,
                Some(Concession::Transferred) => engine::Concession::Transferred,
            },
        });
        self.fold(on, &note.contract, &fact)?;
        self.keep(&note.contract, |kept| {
            bill(kept, &parts, i128::saturating_sub);
            if note.concession.is_some() {
                kept.changed_on = on;
                for (promise, part) in kept.promises.iter_mut().zip(&parts) {
                    promise.billable = promise.billable.saturating_sub(*part);
                }
            }
        });
        Ok(())
    }

    pub(super) fn pay(&mut self, on: NaiveDate, cash: &Cash) -> Result<(), Failure> {
        self.cash_moved(on, cash, above_zero(cash.amount)?)
    }

    pub(super) fn refund(&mut self, on: NaiveDate, cash: &Cash) -> Result<(), Failure> {
        let amount = above_zero(cash.amount)?;
        let available = self.signed(&cash.contract)?.tally.paid;
        if amount > available {
            return Err(too_much(available));
        }
        self.cash_moved(on, cash, amount.saturating_neg())
    }

    fn cash_moved(&mut self, on: NaiveDate, cash: &Cash, amount: i128) -> Result<(), Failure> {
        let contract = self.signed(&cash.contract)?.contract;
        self.fold(on, &cash.contract, &Fact::Paid(PaymentFact { contract, on, amount }))?;
        self.keep(&cash.contract, |kept| kept.paid = kept.paid.saturating_add(amount));
        Ok(())
    }
}

/// Amounts that a service takes; answers the tax.
fn sound(amount: Money, tax: Option<Money>) -> Result<i128, Failure> {
    if tax.is_some_and(|tax| tax.minor() < 0) {
        return Err(unfit("the tax must not be negative"));
    }
    above_zero(amount)?;
    Ok(tax.map_or(0, Money::minor))
}

fn above_zero(amount: Money) -> Result<i128, Failure> {
    if amount.minor() <= 0 {
        return Err(unfit("the amount must be above zero"));
    }
    Ok(amount.minor())
}

fn too_much(available: i128) -> Failure {
    let message = format!("the amount exceeds what there is, {available} minor units");
    Failure::refused(ErrorReason::CreditExceedsInvoice, message)
}

fn bill(tally: &mut Tally, parts: &[i128], by: fn(i128, i128) -> i128) {
    for (promise, part) in tally.promises.iter_mut().zip(parts) {
        promise.billed = by(promise.billed, *part);
    }
}

fn lines(known: Signed<'_>, parts: &[i128]) -> Vec<InvoiceLine> {
    let line = |obligation: ObligationId, amount| InvoiceLine { obligation, amount };
    let own = known.state.obligations.iter().filter(|of| of.contract == known.contract);
    let lines = own.zip(parts).filter(|(_, amount)| **amount > 0);
    lines.map(|(obligation, amount)| line(obligation.id, *amount)).collect()
}

/// All of it for one obligation.
fn alone(tally: &Tally, key: &str, amount: i128) -> Result<Vec<i128>, Failure> {
    if !tally.promises.iter().any(|promise| promise.key == key) {
        return Err(unfit("the line must name an obligation of the contract"));
    }
    let part = |own: bool| if own { amount } else { 0 };
    Ok(tally.promises.iter().map(|promise| part(promise.key == key)).collect())
}

/// One line for an obligation: within what the contract, and it, can be billed in all.
fn billed_alone(tally: &Tally, key: &str, amount: i128) -> Result<Vec<i128>, Failure> {
    let parts = alone(tally, key, amount)?;
    let own = tally.promises.iter().find(|promise| promise.key == key && !promise.metered);
    let Some(promise) = own.filter(|_| !tally.financed) else { return Ok(parts) };
    let (ceiling, billed) = tally.ceiling();
    check_ceiling(&[ceiling.saturating_sub(billed)], amount).map_err(refusal)?;
    let left = tally.own_ceiling(promise).map(|own| own.saturating_sub(promise.billed));
    match left.filter(|left| amount > *left) {
        Some(left) => Err(refusal(EngineError::InvoiceExceedsCeiling { billable: left.max(0) })),
        None => Ok(parts),
    }
}

/// An invoice that names no obligation: by what each can still bill. What is left when nothing is goes
/// to metered ones, which have no ceiling, in equal parts; else, where interest is owed, by the prices.
fn spread(tally: &Tally, amount: i128) -> Result<Vec<i128>, Failure> {
    let mut unbilled = tally.unbilled();
    let metered = || tally.promises.iter().map(|promise| promise.metered);
    let any_metered = metered().any(|metered| metered);
    if !any_metered && !tally.financed {
        return invoice_spread(&unbilled, amount).map_err(refusal);
    }
    let (ceiling, billed) = tally.ceiling();
    if ceiling <= billed {
        // Single ones may have room that others took.
        for (part, _) in unbilled.iter_mut().zip(metered()).filter(|(_, metered)| !metered) {
            *part = 0;
        }
    }
    let open = unbilled.iter().fold(0_i128, |sum, part| sum.saturating_add(*part));
    let first = amount.min(open.max(0));
    let parts = invoice_spread(&unbilled, first).map_err(refusal)?;
    let prices = || tally.promises.iter().map(|promise| promise.billable.max(0));
    let weights: Vec<i128> = match any_metered {
        true => metered().map(i128::from).collect(),
        false if prices().any(|price| price > 0) => prices().collect(),
        false => vec![1; tally.promises.len()],
    };
    let rest = shares(amount.saturating_sub(first), &weights)?;
    Ok(parts.into_iter().zip(rest).map(|(part, more)| part.saturating_add(more)).collect())
}

fn shares(amount: i128, weights: &[i128]) -> Result<Vec<i128>, Failure> {
    allocate(amount, weights).map_err(|error| match error {
        AllocateError::NoWeight => unfit("nothing is there to share the amount by"),
        AllocateError::NegativeWeight | AllocateError::Overflow => {
            Failure::new(Exit::Negative, "an amount is too large to be computed")
        }
    })
}
