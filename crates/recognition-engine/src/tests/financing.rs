//! Interest where one side finances the other, on worked examples.

use chrono::{Days, Months};
use proptest::prelude::*;

use super::{Story, contract, contract_id, day, histories, obligation_id, policy, q, term};
use crate::{
    Convention, Fact, Method, PaymentFact, ProgressFact, Reading, Rounding, term::last_of_month,
};

fn paid(story: &mut Story, on: &str, amount: i128) {
    story.fact(&Fact::Paid(PaymentFact { contract: contract_id(), on: day(on), amount }));
}

/// 4,000.00 two years ahead at 6 % (case 68).
fn advance() -> Story {
    let mut made = contract(term("2026-01-01", "2027-12-31"), &[400_000]);
    made.financing = Some(q("0.06"));
    made.obligations[0].method = Method::PointInTime { quantity: q("1"), gates: Vec::new() };
    let mut story = Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative));
    paid(&mut story, "2026-01-01", 400_000);
    story
}

fn delivered(story: &mut Story) {
    story.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2027-12-31"),
        reading: Reading::Delivered { quantity: None, gate: None },
    }));
}

/// Interest grows liability and price by 240.00 and 254.40, and revenue is all of it; how often runs are
/// made changes nothing, and nothing accrues on what is no longer owed.
#[test]
fn an_advance_grows() {
    let every_month: Vec<String> =
        (0..24).map(|n| (day("2026-01-31") + Days::new(30 * n)).to_string()).collect();
    let some: Vec<String> = ["2026-12-31", "2027-12-31"].map(str::to_owned).to_vec();
    for runs in [every_month, some, Vec::new()] {
        let mut story = advance();
        for through in &runs {
            story.run(through);
        }
        delivered(&mut story);
        story.run("2027-12-31");
        let first = story.at("2026-12-31");
        assert_eq!((first.deferred_revenue, first.interest), (424_000, 24_000));
        assert_eq!((first.billed, first.backlog, first.cash), (424_000, 424_000, 400_000));
        let last = story.at("2027-12-31");
        assert_eq!((last.recognized, last.transaction_price), (449_440, 449_440), "{runs:?}");
        assert_eq!((last.deferred_revenue, last.contract_asset, last.interest), (0, 0, 49_440));
        story.run("2028-06-30");
        assert_eq!(story.at("2028-06-30").interest, 49_440);
    }
}

/// Interest is on what is ahead of the service: served month by month, an advance bears less and less.
/// Paid at the end of each month, what is earned within it bears income, which is not revenue.
#[test]
fn what_is_ahead_and_what_is_behind() {
    let made = || {
        let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
        made.financing = Some(q("0.12"));
        Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative))
    };
    let mut ahead = made();
    paid(&mut ahead, "2026-01-01", 120_000);
    let mut behind = made();
    for month in 1..=12 {
        let end = day(&format!("2026-{month:02}-01"));
        let end = last_of_month(end).to_string();
        ahead.run(&end);
        behind.run(&end);
        paid(&mut behind, &end, 10_000);
    }
    let at = behind.at("2026-12-31");
    // 50.00 on average, but for the day of payment, for a year at 12 %: about 6.00 less 0.40.
    assert!((-600..-500).contains(&at.interest), "{}", at.interest);
    assert_eq!((at.recognized, at.transaction_price), (120_000, 120_000));
    assert_eq!((at.contract_asset, at.billed), (-at.interest, 120_000 + at.interest));
    let at = ahead.at("2026-12-31");
    // Half of the price on average, for a year at 12 %: about 72.00.
    assert!((7_100..7_300).contains(&at.interest), "{}", at.interest);
    assert_eq!((at.recognized, at.deferred_revenue, at.backlog), (120_000 + at.interest, 0, 0));
}

/// Goods of a price for cash, delivered on a day.
fn sold(price: i128, rate: &str, on: &str) -> Story {
    let mut made = contract(term("2025-12-01", "2025-12-31"), &[price]);
    made.financing = Some(q(rate));
    made.obligations[0].method = Method::PointInTime { quantity: q("1"), gates: Vec::new() };
    let mut story = Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative));
    story.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day(on),
        reading: Reading::Delivered { quantity: None, gate: None },
    }));
    story
}

/// Goods of 100.00 for 121.00 in two years, at 10 %: the asset grows by 10.00 and 11.00 to what is asked
/// for, apart from price and revenue; invoiced at delivery, the interest to come is a liability until then.
/// Paid, nothing bears any more, and no run is due.
#[test]
fn arrears_grow() {
    for invoiced in ["2027-12-31", "2025-12-31"] {
        let mut story = sold(10_000, "0.1", "2025-12-31");
        let mut invoice = super::invoice_of(0, day(invoiced), 12_100);
        invoice.due_on = day("2028-01-01");
        if invoiced == "2025-12-31" {
            story.fact(&Fact::Invoiced(invoice.clone()));
        }
        for through in ["2026-12-31", "2027-12-31"] {
            story.run(through);
        }
        let net = |on: &str| {
            let at = story.at(on);
            at.contract_asset - at.deferred_revenue + at.receivable
        };
        assert_eq!(
            (net("2025-12-31"), net("2026-12-31"), net("2027-12-31")),
            (10_000, 11_000, 12_100)
        );
        if invoiced == "2027-12-31" {
            story.fact(&Fact::Invoiced(invoice));
        }
        let at = story.at("2027-12-31");
        assert_eq!((at.transaction_price, at.recognized, at.interest), (10_000, 10_000, -2_100));
        assert_eq!((at.billed, at.contract_asset, at.deferred_revenue), (10_000, 0, 0));
        assert_eq!(at.receivable, 12_100);
        paid(&mut story, "2028-01-01", 12_100);
        assert_eq!(story.state.due_from(&story.state.obligations[0]), Ok(None));
        story.run("2029-12-31");
        let at = story.at("2029-12-31");
        assert_eq!((at.interest, at.receivable, at.cash), (-2_100, 0, 12_100));
    }
}

/// What is earned and not received is due to runs although all revenue is posted.
#[test]
fn arrears_are_due() {
    let mut story = sold(10_000, "0.1", "2025-12-31");
    story.run("2026-01-31");
    let first = &story.state.obligations[0];
    assert_eq!(first.due_from(), Ok(None), "all is posted");
    assert_eq!(story.state.due_from(first), Ok(Some(day("2026-02-01"))));
    assert!(story.state.is_due(day("2026-02-28"), &story.policies).unwrap());
}

/// Equipment of 1,000,000.00 at 5 %, in 60 installments of 18,871.00 at the ends of months (Example 28,
/// case A). Interest that is simple within a year comes to 128,283.08 of the 132,260.00 that the
/// installments hold, which compound by month: 3,976.92 is left. By a calculation of its own, day by day.
#[test]
fn installments() {
    let mut story = sold(100_000_000, "0.05", "2025-12-31");
    let mut end = day("2026-01-31");
    for _ in 0..60 {
        paid(&mut story, &end.to_string(), 1_887_100);
        story.run(&end.to_string());
        end = last_of_month(end + Days::new(1));
    }
    assert_eq!(story.at("2026-12-31").interest, -4_475_490);
    assert_eq!(story.at("2026-12-31").contract_asset, 81_830_290);
    let at = story.at("2030-12-31");
    assert_eq!((at.interest, at.cash, at.recognized), (-12_828_308, 113_226_000, 100_000_000));
    assert_eq!((at.contract_asset, at.deferred_revenue), (0, 397_692));
    story.run("2031-12-31");
    assert_eq!(story.at("2031-12-31").interest, -12_828_308, "what is left finances nobody");
}

/// 1,000.00 half a year ahead of goods of 2,000.00, and 1,000.00 owed after it: each side bears its own
/// interest in the same year, 182 and 183 days of it. That on the advance is in the price.
#[test]
fn both_ways_in_a_year() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[200_000]);
    made.financing = Some(q("0.1"));
    made.obligations[0].method = Method::PointInTime { quantity: q("1"), gates: Vec::new() };
    let mut story = Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative));
    paid(&mut story, "2026-01-01", 100_000);
    story.run("2026-06-30");
    story.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-07-01"),
        reading: Reading::Delivered { quantity: None, gate: None },
    }));
    story.run("2026-12-31");
    let at = story.at("2026-12-31");
    assert_eq!((at.transaction_price, at.recognized), (204_986, 204_986));
    assert_eq!(at.interest, 4_986 - 5_014);
    assert_eq!((at.contract_asset, at.billed), (105_014, 99_972));
}

/// Tax is no part of what bears interest, neither while it is owed nor when it is paid.
#[test]
fn tax_bears_none() {
    let mut story = sold(10_000, "0.1", "2025-12-31");
    let mut invoice = super::invoice_of(0, day("2025-12-31"), 10_000);
    invoice.tax = 2_000;
    story.fact(&Fact::Invoiced(invoice));
    paid(&mut story, "2026-01-01", 6_000);
    story.run("2026-12-31");
    // Half of the price is paid, with half of the tax: 5,000 bears 10 % for the year.
    assert_eq!(story.at("2026-12-31").interest, -500);
    paid(&mut story, "2027-01-01", 6_000);
    story.run("2027-12-31");
    // The interest of the first year is owed yet.
    assert_eq!(story.at("2027-12-31").interest, -550);
}

/// A bill for what was financed and paid late bears interest to the day of payment, also where it is known
/// only later: from the first day on that is not accrued yet.
#[test]
fn cash_known_later() {
    let mut story = sold(36_500, "0.1", "2025-12-31");
    story.run("2026-01-31");
    assert_eq!(story.at("2026-01-31").interest, -310);
    paid(&mut story, "2026-01-10", 36_500);
    story.run("2026-12-31");
    assert_eq!(story.at("2026-12-31").interest, -310);
    let mut ahead = sold(36_500, "0.1", "2025-12-31");
    paid(&mut ahead, "2026-01-11", 36_500);
    ahead.run("2026-12-31");
    assert_eq!(ahead.at("2026-12-31").interest, -100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// How often runs are made changes nothing about interest on arrears at the end of any month: it is on
    /// what was earned and received alone. Price and revenue are those of the same contract without it.
    #[test]
    fn arrears_do_not_depend_on_runs(
        prices in prop::collection::vec(1_i128..5_000_000, 1..4),
        rate in 1_i64..30,
        payments in prop::collection::vec((0_u64..90, 0_i128..=100), 0..8),
        every in 1_u64..50,
    ) {
        let made = |financing| {
            let mut made = contract(term("2026-01-01", "2026-12-31"), &prices);
            made.financing = financing;
            if let Some(last) = made.obligations.last_mut() {
                last.method = Method::PointInTime { quantity: q("1"), gates: Vec::new() };
            }
            let how = policy(Convention::ActualDays, Rounding::Cumulative);
            let mut story = Story::sign(made, how);
            let obligation = obligation_id(u128::try_from(prices.len()).unwrap() - 1);
            let (contract, on) = (contract_id(), day("2026-02-10"));
            let reading = Reading::Delivered { quantity: None, gate: None };
            story.fact(&Fact::Progressed(ProgressFact { contract, obligation, on, reading }));
            story
        };
        let rate = histories::share(rate);
        let (mut plain, mut once, mut often) = (made(None), made(Some(rate)), made(Some(rate)));
        let (mut on, mut ran, mut received) = (day("2026-01-01"), day("2026-01-01"), 0);
        for (after, percent) in payments {
            on = on + Days::new(after);
            while ran + Days::new(every) < on {
                ran = ran + Days::new(every);
                often.run(&ran.to_string());
            }
            let eve = on - Days::new(1);
            plain.fact(&Fact::Run { through: eve });
            let amount = (plain.on(eve).recognized - received) * percent / 100;
            received += amount;
            for story in [&mut plain, &mut once, &mut often] {
                paid(story, &on.to_string(), amount);
            }
        }
        for story in [&mut plain, &mut once, &mut often] {
            story.run("2028-12-31");
        }
        for months in 1..36 {
            let on = day("2026-01-01") + Months::new(months) - Days::new(1);
            let (plain, once, often) = (plain.on(on), once.on(on), often.on(on));
            let figures = |at: &crate::Balances| (at.interest, at.billed, at.cash);
            prop_assert_eq!(figures(&once), figures(&often), "{}", on);
            prop_assert!(once.interest <= 0);
            prop_assert_eq!(once.transaction_price, plain.transaction_price);
            prop_assert_eq!(once.billed, plain.billed + once.interest);
        }
        prop_assert_eq!(once.at("2028-12-31").recognized, plain.at("2028-12-31").recognized);
    }
}
