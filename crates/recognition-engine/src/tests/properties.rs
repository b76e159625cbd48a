//! What must hold for any contract and any order of events.

use backlog_ids::ObligationId;
use chrono::{Days, NaiveDate};
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

use super::{Story, contract, day, invoice_of, obligation, policy, usd};
use crate::{
    Convention, Fact, Filter, InvoiceLine, Measure, ObligationState, Periods, Policy, ReceivableOn,
    Rounding, Schedule, SignedContract, Term, fold, invoice_spread, plan,
};

const PRICE_MAX: i128 = 1_000_000_000_000_000;

fn days_from(from: NaiveDate, days: u64) -> NaiveDate {
    from.checked_add_days(Days::new(days)).unwrap()
}

fn terms(days_max: u64) -> impl Strategy<Value = Term> {
    (0_u64..20_000, 0..days_max).prop_map(|(start, length)| {
        let from = days_from(day("1990-01-01"), start);
        Term::new(from, days_from(from, length)).unwrap()
    })
}

fn prices() -> impl Strategy<Value = i128> {
    prop_oneof![0_i128..50, 0_i128..10_000_000, 0..=PRICE_MAX]
}

fn policies() -> impl Strategy<Value = Policy> {
    (select(Convention::ALL), select(Rounding::ALL), select(ReceivableOn::ALL)).prop_map(
        |(convention, rounding, receivable_on)| Policy {
            version: 3,
            convention,
            rounding,
            receivable_on,
        },
    )
}

/// A contract of one to four obligations, signed before or after its start.
fn contracts() -> impl Strategy<Value = SignedContract> {
    let parts = prop::collection::vec((prices(), 1_i128..1_000_000, any::<bool>()), 1..5);
    (terms(500), parts, any::<bool>(), 0_u64..120).prop_map(|(term, parts, whole, signed)| {
        let mut made = contract(term, &[]);
        made.signed_on = days_from(term.from(), signed) - Days::new(60);
        let half = days_from(term.from(), u64::from(term.from() != term.to()));
        made.price = whole.then_some(parts.iter().map(|part| part.0 / 4).sum());
        made.obligations = (0..)
            .zip(parts)
            .map(|(n, (price, ssp, short))| {
                let price = (!whole).then_some(price / 4);
                let mut made = obligation(n, price, whole.then_some(ssp));
                made.term = short.then(|| Term::new(half, term.to()).unwrap());
                made
            })
            .collect();
        made
    })
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A run through that many days after the term's start.
    Run(u64),
    /// An invoice issued then, of that percentage of what is unbilled.
    Invoice(u64, u32),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0_u64..600).prop_map(Event::Run),
        (0_u64..600, 0_u32..=100).prop_map(|(on, percent)| Event::Invoice(on, percent)),
    ];
    prop::collection::vec(event, 0..12)
}

/// Applies an event; an invoice may be issued up to 90 days before the term.
fn apply(story: &mut Story, from: NaiveDate, event: Event) {
    match event {
        Event::Run(offset) => story.fact(&Fact::Run { through: days_from(from, offset) }),
        Event::Invoice(offset, percent) => {
            let unbilled = story.state.unbilled(story.state.contract).unwrap();
            let amount = unbilled.iter().sum::<i128>() * i128::from(percent) / 100;
            let mut fact = invoice_of(0, days_from(from, offset) - Days::new(90), 0);
            let parts = invoice_spread(&unbilled, amount).unwrap();
            fact.lines = lines(&story.state.obligations, &parts);
            fact.tax = amount / 5;
            story.fact(&Fact::Invoiced(fact));
        }
    }
}

fn lines(obligations: &[ObligationState], parts: &[i128]) -> Vec<InvoiceLine> {
    let line = |(obligation, amount): (&ObligationState, &i128)| InvoiceLine {
        obligation: obligation.id,
        amount: *amount,
    };
    obligations.iter().zip(parts).map(line).collect()
}

/// Days worth looking at: those of all movements, and their neighbors.
fn days_of_interest(story: &Story) -> Vec<NaiveDate> {
    let mut days: Vec<NaiveDate> = story
        .ledger
        .movements()
        .iter()
        .flat_map(|m| [m.effective_date - Days::new(1), m.effective_date])
        .collect();
    days.push(days_from(day("1990-01-01"), 21_000));
    days.sort_unstable();
    days.dedup();
    days
}

/// A measure at the end of a day, straight from the movements.
fn sum(story: &Story, measure: Measure, as_of: NaiveDate) -> i128 {
    let counts = |m: &&crate::Movement| m.measure == measure && m.effective_date <= as_of;
    story.ledger.movements().iter().filter(counts).map(|m| m.amount.minor()).sum()
}

/// The identities of the design at the end of one day.
fn check_identities(story: &Story, as_of: NaiveDate) -> Result<(), TestCaseError> {
    let b = story.on(as_of);
    let unconditional = sum(story, Measure::Unconditional, as_of);
    prop_assert_eq!(b.backlog, b.tcv - b.recognized);
    prop_assert_eq!(b.firm, b.transaction_price - b.recognized);
    prop_assert_eq!(b.conditional_billing, b.billed - unconditional);
    prop_assert_eq!(
        b.backlog,
        b.unbilled_backlog + b.conditional_billing + b.deferred_revenue + b.refund_liability
            - b.contract_asset
    );
    prop_assert_eq!(b.deferred_revenue, (unconditional - b.recognized).max(0), "{}", as_of);
    prop_assert_eq!(b.contract_asset, (b.recognized - unconditional).max(0), "{}", as_of);
    prop_assert!(b.recognized >= 0 && b.recognized <= b.transaction_price);
    prop_assert!(b.recognized_accrued >= b.recognized);
    prop_assert!(b.recognized_accrued <= b.transaction_price);
    let planned = story.ledger.schedule(as_of, &Filter::all(usd())).unwrap();
    prop_assert_eq!(planned.values().sum::<i128>(), b.firm);
    prop_assert!(planned.values().all(|amount| *amount > 0));
    if as_of < story.state.first_signed_on() {
        prop_assert_eq!((b.tcv, b.recognized), (0, 0));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Months sum to the price, none is negative, and what is earned never falls, starts at nothing
    /// and ends at the price.
    #[test]
    fn schedules_sum(term in terms(3_000), policy in policies(), price in prices()) {
        let schedule =
            Schedule::new(term, policy.convention, policy.rounding, price, None).unwrap();
        let months = schedule.months();
        prop_assert_eq!(months.iter().map(|month| month.amount).sum::<i128>(), price);
        prop_assert!(months.iter().all(|month| month.amount >= 0));
        prop_assert_eq!(schedule.target(term.from() - Days::new(1)).unwrap(), 0);
        prop_assert_eq!(schedule.target(term.to()).unwrap(), price);
        let mut earned = 0;
        for on in term.from().iter_days().take_while(|on| *on <= term.to()).take(800) {
            let target = schedule.target(on).unwrap();
            prop_assert!((earned..=price).contains(&target), "{}", on);
            earned = target;
        }
    }

    /// The design's identities hold at the end of every day, for any events in any order.
    #[test]
    fn identities(made in contracts(), policy in policies(), events in events()) {
        let from = made.term.from();
        let mut story = Story::sign(made, policy);
        for event in events {
            apply(&mut story, from, event);
        }
        let days = days_of_interest(&story);
        for as_of in &days {
            check_identities(&story, *as_of)?;
        }
        for span in days.windows(2) {
            let all = Filter::all(usd());
            let roll = story.ledger.roll_forward(span[0], span[1], &all).unwrap();
            prop_assert_eq!(roll.unexplained, 0);
        }
        // The state agrees with what the ledger sums to.
        let end = story.on(days[days.len() - 1]);
        let obligations = &story.state.obligations;
        prop_assert_eq!(obligations.iter().map(|o| o.recognized).sum::<i128>(), end.recognized);
        prop_assert_eq!(obligations.iter().map(|o| o.billed).sum::<i128>(), end.billed);
        for o in obligations {
            let planned: i128 = plan(o).unwrap().iter().map(|month| month.amount).sum();
            prop_assert_eq!(planned, o.transaction_price - o.recognized);
        }
        prop_assert!(story.state.accounting[0].portions.first().balances.is_sorted_by(|a, b| a.on < b.on));
        prop_assert!(story.ledger.movements().iter().all(|m| m.amount.minor() != 0));
    }

    /// However often runs happen, by the last one each obligation and service month has the same.
    #[test]
    fn run_frequency(
        made in contracts(),
        policy in policies(),
        mut cuts in prop::collection::vec(0_u64..600, 1..20),
    ) {
        let from = made.term.from();
        let (mut often, mut once) = (Story::sign(made.clone(), policy), Story::sign(made, policy));
        let last = cuts.iter().copied().max().unwrap_or_default();
        cuts.sort_unstable();
        for cut in cuts {
            often.fact(&Fact::Run { through: days_from(from, cut) });
        }
        let through = days_from(from, last);
        once.fact(&Fact::Run { through });
        let by_service = |story: &Story| {
            let entries = story.ledger.entries(through, &Filter::all(usd())).unwrap();
            let mut sums = std::collections::BTreeMap::new();
            for e in entries {
                *sums.entry((e.obligation, e.service_month)).or_insert(0) += e.amount;
            }
            sums
        };
        prop_assert_eq!(by_service(&often), by_service(&once));
        prop_assert_eq!(&often.state.obligations, &once.state.obligations);
        prop_assert_eq!(often.on(through), once.on(through));
        // And again: nothing.
        let (state, effects) = fold(Some(once.state.clone()), &Fact::Run { through }, Periods::default()).unwrap();
        prop_assert!(effects.is_empty());
        prop_assert_eq!(state, once.state);
    }

    /// Invoices recorded late, in any order and between any runs, give the balances of date order at
    /// every day.
    #[test]
    fn order_of_invoices(
        made in contracts(),
        policy in policies(),
        invoices in prop::collection::vec((0_u64..600, 1_i128..1_000_000), 1..8),
        runs in prop::collection::vec(0_u64..600, 0..6),
        places in prop::collection::vec(0_usize..100, 8),
    ) {
        let from = made.term.from();
        let mut facts: Vec<(NaiveDate, Fact)> = invoices
            .iter()
            .map(|(offset, amount)| {
                let on = days_from(from, *offset) - Days::new(60);
                (on, Fact::Invoiced(invoice_of(0, on, *amount)))
            })
            .collect();
        let mut runs: Vec<NaiveDate> = runs.iter().map(|offset| days_from(from, *offset)).collect();
        runs.sort_unstable();
        let mut shuffled: Vec<Fact> =
            runs.iter().map(|through| Fact::Run { through: *through }).collect();
        for ((_, fact), place) in facts.iter().zip(&places) {
            shuffled.insert(place % (shuffled.len() + 1), fact.clone());
        }
        facts.extend(runs.iter().map(|through| (*through, Fact::Run { through: *through })));
        facts.sort_by_key(|(on, _)| *on);
        let (mut late, mut in_order) =
            (Story::sign(made.clone(), policy), Story::sign(made, policy));
        for fact in &shuffled {
            late.fact(fact);
        }
        for (_, fact) in &facts {
            in_order.fact(fact);
        }
        for as_of in days_of_interest(&in_order).into_iter().chain(days_of_interest(&late)) {
            prop_assert_eq!(late.on(as_of), in_order.on(as_of), "{}", as_of);
        }
        prop_assert_eq!(&late.state, &in_order.state);
    }

    /// The accrued figure of any day is what daily runs would have posted, within a minor unit.
    #[test]
    fn accrued_is_a_daily_run(
        term in terms(500),
        policy in policies(),
        price in prices(),
        signed in 0_u64..90,
        mut runs in prop::collection::vec(0_u64..600, 0..5),
    ) {
        let mut made = contract(term, &[price]);
        made.signed_on = days_from(term.from(), signed) - Days::new(45);
        let signed_on = made.signed_on;
        let mut story = Story::sign(made, policy);
        runs.sort_unstable();
        for offset in runs {
            story.fact(&Fact::Run { through: days_from(term.from(), offset) });
        }
        let schedule =
            Schedule::new(term, policy.convention, policy.rounding, price, None).unwrap();
        for on in (term.from() - Days::new(50)).iter_days().step_by(3).take(200) {
            let accrued = story.on(on).recognized_accrued;
            let daily = if on < signed_on { 0 } else { schedule.target(on).unwrap() };
            prop_assert!((accrued - daily).abs() <= 1, "{}: {} and {}", on, accrued, daily);
        }
    }

    /// Spreads sum to the invoice and never bill an obligation beyond its price.
    #[test]
    fn spreads_sum(unbilled in prop::collection::vec(-1_000_i128..100_000, 1..20), share in 0_i128..=100) {
        let amount = unbilled.iter().sum::<i128>().max(0) * share / 100;
        let parts = invoice_spread(&unbilled, amount).unwrap();
        prop_assert_eq!(parts.iter().sum::<i128>(), amount);
        for (part, unbilled) in parts.iter().zip(&unbilled) {
            prop_assert!((0..=(*unbilled).max(0)).contains(part));
        }
    }

    /// No numbers or dates, however wild, make the fold panic: it answers or refuses.
    #[test]
    fn never_panics(
        amounts in prop::collection::vec(any::<Option<i128>>(), 8),
        policy in policies(),
        wild: (i128, i128, i128, i128),
        ends in any::<(bool, bool)>(),
    ) {
        let dates = [NaiveDate::MIN, NaiveDate::MAX];
        let (one, two) = (dates[usize::from(ends.0)], dates[usize::from(ends.1)]);
        let term = Term::new(day("9950-01-31"), day("9999-12-31")).unwrap();
        let mut made = contract(term, &[]);
        made.signed_on = one;
        made.price = amounts[0];
        made.obligations = (0..3).map(|n| obligation(n, amounts[1], amounts[2])).collect();
        let signed = Fact::Signed { contract: made, policy };
        prop_assert!(fold(None, &signed, Periods::default()).is_err() || amounts[0].is_some() != amounts[1].is_some());

        let (mut state, _) = super::book(&contract(term, &[7, 9]), &policy).unwrap();
        state.obligations[0].transaction_price = wild.0;
        state.obligations[0].recognized = wild.1;
        state.obligations[0].billed = wild.2;
        let mut bill = invoice_of(0, day("2026-01-01"), wild.3);
        (bill.issued_on, bill.due_on, bill.tax) = (one, two, wild.0);
        bill.lines.push(InvoiceLine {
            obligation: ObligationId::from_uuid(Uuid::from_u128(101)),
            amount: wild.2,
        });
        let mut ledger = crate::Ledger::default();
        for fact in [Fact::Invoiced(bill), Fact::Run { through: two }, Fact::Run { through: one }] {
            if let Ok((next, effects)) = fold(Some(state.clone()), &fact, Periods::default()) {
                state = next;
                ledger.apply(&effects);
            }
        }
        let all = Filter::all(usd());
        for as_of in dates {
            if let Ok(roll) = ledger.roll_forward(as_of, as_of, &all) {
                prop_assert_eq!(roll.unexplained, 0);
            }
            if let Ok(planned) = ledger.schedule(as_of, &all) {
                prop_assert!(planned.values().all(|amount| *amount != 0));
            }
        }
    }
}

/// Thousands of obligations are no special case: parts sum, and a run posts each.
#[test]
fn thousands_of_obligations() {
    let term = Term::new(day("2026-01-15"), day("2028-12-31")).unwrap();
    let mut made = contract(term, &[]);
    made.price = Some(PRICE_MAX);
    made.obligations = (0..5_000)
        .zip([1, 2, 3, 5, 7].into_iter().cycle())
        .map(|(n, ssp)| obligation(n, None, Some(ssp)))
        .collect();
    let mut story = Story::sign(made, policy(Convention::ProratedMonths, Rounding::PerPeriod));
    let prices = story.state.obligations.iter().map(|o| o.transaction_price);
    assert_eq!(prices.sum::<i128>(), PRICE_MAX);
    story.run("2026-01-31");
    let entries = story.ledger.entries(day("2026-01-31"), &Filter::all(usd())).unwrap();
    assert_eq!(entries.len(), 5_000);
    assert_eq!(story.at("2026-01-31").contract_asset, story.at("2026-01-31").recognized);
    story.run("2028-12-31");
    assert_eq!(story.at("2028-12-31").recognized, PRICE_MAX);
}
