//! B10: plans a second of the engine alone, against a bare loop of integers that computes the same
//! rounded amounts; and what folding a fact costs, by the length of the contract's history.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context;
use backlog_ids::{ContractId, InvoiceId, ObligationId};
use backlog_money::{Currency, Quantity};
use backlog_recognition_engine::{
    ContractState, Fact, InvoiceFact, InvoiceLine, Method, ObligationState, Periods, Policy,
    ProgressFact, Reading, SignedContract, SignedObligation, Term, fold, plan,
};
use chrono::{Datelike, Days, NaiveDate};
use serde_json::json;
use uuid::Uuid;

use crate::bench::Bench;
use crate::load::rate;
use crate::output::Line;
use crate::statistics::{Pair, Ratio, median, sorted};

/// Obligations whose plans are made in turn, each with another term and price.
const OBLIGATIONS: u32 = 100;
/// How long a side is measured.
const SIDE: Duration = Duration::from_secs(1);
/// Plans between two looks at the clock.
const AT_ONCE: u64 = 1_000;
/// Lengths of histories.
const EVENTS: [u64; 3] = [10, 100, 1_000];

/// Measures on one core.
pub(crate) fn measure(bench: &Bench) -> anyhow::Result<()> {
    let state = signed(OBLIGATIONS)?;
    for obligation in &state.obligations {
        let planned: Vec<i64> = plan(obligation)?
            .iter()
            .map(|month| i64::try_from(month.amount))
            .collect::<Result<_, _>>()?;
        anyhow::ensure!(
            planned == bare(obligation)?,
            "the loop plans {} otherwise",
            obligation.key
        );
    }
    let mut pairs = Vec::new();
    for pair in 1..=bench.options.pairs {
        bench.output.progress(&format!("B10: pair {pair} of {}", bench.options.pairs));
        let measured = a_second(&state.obligations, |obligation| {
            black_box(plan(black_box(obligation))?);
            Ok(())
        })?;
        let against = a_second(&state.obligations, |obligation| {
            black_box(bare(black_box(obligation))?);
            Ok(())
        })?;
        pairs.push(Pair { measured, against });
    }
    if let Some(ratio) = Ratio::of(&pairs) {
        let units = ("plans/s of one core", "plans/s of a bare loop");
        bench.output.line(Line::ratio("B10", "", &ratio, "0.25", units))?;
    }
    histories(bench)
}

/// How often in a second something is done to the obligations in turn.
fn a_second(
    obligations: &[ObligationState],
    mut what: impl FnMut(&ObligationState) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let (mut done, started) = (0_u64, Instant::now());
    let mut turns = obligations.iter().cycle();
    while started.elapsed() < SIDE {
        for obligation in turns.by_ref().take(usize::try_from(AT_ONCE)?) {
            what(obligation)?;
        }
        done += AT_ONCE;
    }
    Ok(rate(done, started.elapsed()))
}

/// What a plan of service days comes to month by month, as the shortest loop computes it: the rounded
/// share of the days through each month, less the one before.
fn bare(obligation: &ObligationState) -> anyhow::Result<Vec<i64>> {
    let (from, to) = (obligation.term.from(), obligation.term.to());
    let price = i64::try_from(obligation.transaction_price)?;
    let all = (to - from).num_days() + 1;
    let (mut year, mut month, mut first) = (from.year(), from.month(), from.day());
    let (mut days, mut before) = (0_i64, 0_i64);
    let mut amounts = Vec::new();
    while days < all {
        let length = days_of(year, month);
        days = (days + i64::from(length - first) + 1).min(all);
        let target = (2 * price * days + all) / (2 * all);
        if target != before {
            amounts.push(target - before);
        }
        before = target;
        first = 1;
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    Ok(amounts)
}

fn days_of(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Folds histories of each length, from the signature on.
fn histories(bench: &Bench) -> anyhow::Result<()> {
    let mut costs = Vec::new();
    for events in EVENTS {
        let mut samples = Vec::new();
        for _ in 0..bench.options.pairs {
            let facts: Vec<Fact> = (1..=events).map(happened).collect::<anyhow::Result<_>>()?;
            let mut state = signed(2)?;
            let started = Instant::now();
            for fact in &facts {
                state = black_box(fold(Some(state), fact, Periods::default())?).0;
            }
            samples
                .push(started.elapsed().as_secs_f64() * 1e6 / rate(events, Duration::from_secs(1)));
        }
        costs.push(median(&sorted(samples.into_iter())).unwrap_or_default());
    }
    let [ten, hundred, thousand] = costs[..] else { return Ok(()) };
    let text = format!(
        "B10 folding a fact: {ten:.1} us in a history of 10, {hundred:.1} us of 100, \
         {thousand:.1} us of 1,000"
    );
    let line = Line::new("B10", text)
        .value("fold_us_10", json!(ten))
        .value("fold_us_100", json!(hundred))
        .value("fold_us_1000", json!(thousand));
    bench.output.line(line)
}

/// What happened on the nth day: use of the meter, an invoice, or a run.
fn happened(n: u64) -> anyhow::Result<Fact> {
    let on = day(2026, 1)?.checked_add_days(Days::new(n)).context("a day")?;
    Ok(match n % 3 {
        0 => Fact::Run { through: on },
        1 => Fact::Progressed(ProgressFact {
            contract: contract(),
            obligation: obligation(1),
            on,
            reading: Reading::Usage { quantity: Quantity::ONE, amount: None },
        }),
        _ => Fact::Invoiced(InvoiceFact {
            invoice: InvoiceId::from_uuid(Uuid::from_u128(u128::from(n))),
            contract: contract(),
            issued_on: on,
            due_on: on,
            lines: vec![InvoiceLine { obligation: obligation(0), amount: 10 }],
            tax: 0,
        }),
    })
}

/// A contract of three years whose obligations have terms of their own; of two, the second is metered.
fn signed(obligations: u32) -> anyhow::Result<ContractState> {
    let promised = (0..obligations).map(|n| {
        let from =
            day(2026, 1 + n % 12)?.checked_add_days(Days::new(u64::from(n))).context("a day")?;
        let metered = obligations == 2 && n == 1;
        let method = if metered {
            Method::Usage { unit_price: Quantity::ONE, minimum: 0, cap: None }
        } else {
            Method::StraightLine { convention: None }
        };
        Ok(SignedObligation {
            id: obligation(n),
            key: format!("o{n}"),
            price: (!metered).then_some(1_000_000 + i128::from(n) * 7_919),
            ssp: None,
            ssp_range: None,
            residual: false,
            renewal: None,
            term: Some(Term::new(from, from.checked_add_days(Days::new(364)).context("a day")?)?),
            method,
        })
    });
    let term = Term::new(day(2026, 1)?, day(2029, 12)?)?;
    let contract = SignedContract {
        contract: contract(),
        signed_on: term.from(),
        currency: Currency::parse("USD")?,
        term,
        price: None,
        obligations: promised.collect::<anyhow::Result<_>>()?,
        variables: Vec::new(),
        discount: None,
        clauses: Vec::new(),
        financing: None,
        unmet: Vec::new(),
    };
    let fact = Fact::Signed { contract, policy: Policy::default() };
    Ok(fold(None, &fact, Periods::default())?.0)
}

fn day(year: i32, month: u32) -> anyhow::Result<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, 1).context("a day")
}

fn contract() -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(1))
}

fn obligation(n: u32) -> ObligationId {
    ObligationId::from_uuid(Uuid::from_u128(100 + u128::from(n)))
}
