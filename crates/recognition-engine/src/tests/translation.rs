//! The journal in the functional currency.

use backlog_money::{Currency, Quantity};
use chrono::NaiveDate;
use proptest::prelude::*;

use super::{Story, contract, contract_id, day, invoice_of, policy, q, term, usd};
use crate::{
    Calendar, Convention, Fact, Filter, JournalLine, PaymentFact, RateKind, Rates, Role, Rounding,
    Translated, TranslationError, translate,
};

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

/// Rates of the dollar in euros, by day.
fn spot(rates: &[(&str, &str)]) -> Rates {
    let mut all = Rates::default();
    for (on, rate) in rates {
        all.set(usd(), RateKind::Spot, day(on), q(rate));
    }
    all
}

/// A year of 1,200.00 dollars by even months, in the books of a company that counts in euros.
fn subscription() -> Story {
    let policy = policy(Convention::EvenMonths, Rounding::Cumulative);
    Story::sign(contract(term("2026-01-01", "2026-12-31"), &[120_000]), policy)
}

fn pay(story: &mut Story, on: &str, amount: i128) {
    story.fact(&Fact::Paid(PaymentFact { contract: contract_id(), on: day(on), amount }));
}

fn lines(story: &Story) -> Vec<JournalLine> {
    story.ledger.journal_lines(&Filter::all(usd())).collect()
}

fn translated(story: &Story, rates: &Rates) -> Vec<Translated> {
    translate(lines(story), eur(), rates, Calendar::default()).unwrap()
}

/// The net of a role in euros over a span of days.
fn net(all: &[Translated], role: Role, from: &str, to: &str) -> i128 {
    let within = all
        .iter()
        .filter(|line| line.role == role && (day(from)..=day(to)).contains(&line.effective_date));
    within.map(|line| line.functional.minor()).sum()
}

/// Shows that a liability keeps the rate of the invoice's day and revenue drawn from it has that
/// rate, not the one of its own day, and that the receivable's difference is one of exchange.
#[test]
fn revenue_is_worth_what_was_billed() {
    let mut story = subscription();
    story.invoice("2026-01-01", 120_000);
    story.run("2026-01-31");
    pay(&mut story, "2026-02-10", 120_000);
    story.run("2026-02-28");
    let rates = spot(&[("2026-01-01", "0.90"), ("2026-01-31", "0.95"), ("2026-02-10", "0.80")]);
    let all = translated(&story, &rates);
    let year = ("2026-01-01", "2026-12-31");
    assert_eq!(net(&all, Role::Revenue, "2026-01-01", "2026-01-31"), -9_000);
    assert_eq!(net(&all, Role::Revenue, "2026-02-01", "2026-02-28"), -9_000);
    assert_eq!(net(&all, Role::ContractLiability, year.0, year.1), -90_000);
    assert_eq!(net(&all, Role::Receivable, year.0, year.1), 0);
    assert_eq!(net(&all, Role::Cash, year.0, year.1), 96_000);
    assert_eq!(net(&all, Role::Fx, "2026-01-01", "2026-01-31"), 0);
    assert_eq!(net(&all, Role::Fx, "2026-02-10", "2026-02-10"), 12_000);
}

/// Shows that a closing rate measures the receivable anew and leaves the liability as it is.
#[test]
fn a_closing_rate_measures_what_is_monetary() {
    let mut story = subscription();
    story.invoice("2026-01-01", 120_000);
    story.run("2026-01-31");
    let mut rates = spot(&[("2026-01-01", "0.90")]);
    rates.set(usd(), RateKind::Closing, day("2026-01-31"), q("0.85"));
    let all = translated(&story, &rates);
    assert_eq!(net(&all, Role::Receivable, "2026-01-01", "2026-01-31"), 102_000);
    assert_eq!(net(&all, Role::ContractLiability, "2026-01-01", "2026-01-31"), -99_000);
    assert_eq!(net(&all, Role::Revenue, "2026-01-01", "2026-01-31"), -9_000);
    assert_eq!(net(&all, Role::Fx, "2026-01-31", "2026-01-31"), 6_000);
}

/// Shows that revenue that nothing was billed for has the rate of its day, and that the asset's
/// difference at the invoice is one of exchange.
#[test]
fn arrears_take_the_rate_of_the_day() {
    let mut story = subscription();
    story.run("2026-01-31");
    story.invoice("2026-02-15", 10_000);
    let all = translated(&story, &spot(&[("2026-01-31", "0.90"), ("2026-02-15", "1.00")]));
    assert_eq!(net(&all, Role::Revenue, "2026-01-31", "2026-01-31"), -9_000);
    assert_eq!(net(&all, Role::Receivable, "2026-02-15", "2026-02-15"), 10_000);
    assert_eq!(net(&all, Role::ContractAsset, "2026-02-15", "2026-02-15"), -9_000);
    assert_eq!(net(&all, Role::Fx, "2026-02-15", "2026-02-15"), -1_000);
}

/// Shows that a concession takes revenue back at the rate it was posted at.
#[test]
fn revenue_is_taken_back_at_its_rate() {
    let mut story = subscription();
    story.invoice("2026-01-01", 120_000);
    story.run("2026-01-31");
    story.fact(&Fact::Adjusted(crate::AdjustmentFact {
        contract: contract_id(),
        obligation: super::obligation_id(0),
        on: day("2026-02-01"),
        amount: -10_000,
    }));
    let all = translated(&story, &spot(&[("2026-01-01", "0.90"), ("2026-02-01", "2.00")]));
    assert_eq!(net(&all, Role::Revenue, "2026-02-01", "2026-02-01"), 9_000);
    assert_eq!(net(&all, Role::ContractLiability, "2026-02-01", "2026-02-01"), -9_000);
    assert_eq!(net(&all, Role::Fx, "2026-02-01", "2026-02-01"), 0);
}

/// Shows that a day before the first rate is told, not guessed.
#[test]
fn a_missing_rate_is_told() {
    let mut story = subscription();
    story.invoice("2026-01-01", 120_000);
    let error =
        translate(lines(&story), eur(), &spot(&[("2026-01-02", "0.90")]), Calendar::default())
            .unwrap_err();
    assert_eq!(error, TranslationError::RateMissing { from: usd(), on: day("2026-01-01") });
}

/// Shows minor digits: yen have none.
#[test]
fn minor_digits_are_respected() {
    let yen = Currency::parse("JPY").unwrap();
    let mut story = subscription();
    story.invoice("2026-01-01", 120_050);
    let all = translate(lines(&story), yen, &spot(&[("2026-01-01", "150.5")]), Calendar::default())
        .unwrap();
    assert_eq!(net(&all, Role::Receivable, "2026-01-01", "2026-01-01"), 180_675);
}

fn rates() -> impl Strategy<Value = Rates> {
    let rate = (0_u64..500, 1_i128..3_000, prop::sample::select(RateKind::ALL.to_vec()));
    prop::collection::vec(rate, 0..12).prop_map(|found| {
        let mut rates = spot(&[("2000-01-01", "0.8765")]);
        for (after, thousandths, kind) in found {
            let rate = Quantity::from_scaled(thousandths * 1_000_000_000);
            rates.set(usd(), kind, day("2026-01-01") + chrono::Days::new(after), rate);
        }
        rates
    })
}

/// Checks a story's translation: balanced in both currencies over each day, nothing lost in the
/// contract's currency, the same whatever the order of the lines, and without effect at a rate of one.
pub(super) fn check(story: &Story, rates: &Rates) -> Result<(), TestCaseError> {
    let lines = lines(story);
    let all = translate(lines.clone(), eur(), rates, Calendar::default()).unwrap();
    let mut days: std::collections::BTreeMap<NaiveDate, (i128, i128)> = Default::default();
    for line in &all {
        let day = days.entry(line.effective_date).or_default();
        day.0 += line.amount.minor();
        day.1 += line.functional.minor();
    }
    days.retain(|_, nets| *nets != (0, 0));
    prop_assert!(days.is_empty(), "not balanced: {:?}", days);
    for role in Role::ALL {
        let of = lines.iter().filter(|line| line.role == *role).map(|line| line.amount.minor());
        let to = all.iter().filter(|line| line.role == *role).map(|line| line.amount.minor());
        prop_assert_eq!(of.sum::<i128>(), to.sum::<i128>(), "{}", role.name());
    }
    let mut late = lines.clone();
    late.reverse();
    prop_assert_eq!(&all, &translate(late, eur(), rates, Calendar::default()).unwrap());
    let one = translate(lines, eur(), &spot(&[("2000-01-01", "1")]), Calendar::default()).unwrap();
    prop_assert!(one.iter().all(|line| line.amount.minor() == line.functional.minor()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any history at any rates.
    #[test]
    fn translations_are_balanced(
        history in super::histories::history(),
        rates in rates(),
    ) {
        check(&super::histories::play_history(&history), &rates)?;
    }
}

/// Shows that tax keeps the rate of its invoice: what is paid to the authority is not known here.
#[test]
fn tax_is_carried_at_the_rate_of_its_invoice() {
    let mut story = subscription();
    let invoice = invoice_of(0, day("2026-01-01"), 100_000);
    story.fact(&Fact::Invoiced(crate::InvoiceFact { tax: 20_000, ..invoice }));
    let mut rates = spot(&[("2026-01-01", "0.90")]);
    rates.set(usd(), RateKind::Closing, day("2026-01-31"), q("0.50"));
    let all = translated(&story, &rates);
    assert_eq!(net(&all, Role::TaxPayable, "2026-01-01", "2026-12-31"), -18_000);
    assert_eq!(net(&all, Role::Receivable, "2026-01-01", "2026-12-31"), 60_000);
}

/// Shows that a contract that joins another goes on with what its liability is carried at: its revenue keeps
/// the rate of its invoice, also after the day on which they became one.
#[test]
fn what_joins_keeps_what_it_is_carried_at() {
    let how = policy(Convention::EvenMonths, Rounding::Cumulative);
    let made = || contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let (mut one, mut other) =
        (Story::sign(made(), how), Story::sign(super::combining::as_other(&made()), how));
    other.fact(&super::combining::other_invoice("2026-01-01", 120_000));
    one.run("2026-01-31");
    other.run("2026-01-31");
    one.join(&other, "2026-02-01");
    one.run("2026-06-30");
    let rates = spot(&[("2026-01-01", "0.9"), ("2026-01-31", "0.8"), ("2026-02-01", "0.5")]);
    let all = translated(&one, &rates);
    let of_other = |line: &&Translated| {
        line.role == Role::Revenue && line.contract == super::combining::other_id()
    };
    let revenue: i128 = all.iter().filter(of_other).map(|line| line.functional.minor()).sum();
    // Six months of 100.00, all drawn from what was billed at 0.9.
    assert_eq!(revenue, -54_000);
}
