//! Interest on advances, on worked examples.

use super::{Story, contract, contract_id, day, obligation_id, policy, q, term};
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
        (0..24).map(|n| (day("2026-01-31") + chrono::Days::new(30 * n)).to_string()).collect();
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

/// Interest is on what is ahead of the service: served month by month, an advance bears less and less;
/// paid in arrears, nothing bears any.
#[test]
fn only_what_is_ahead_bears() {
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
    assert_eq!(
        (behind.at("2026-12-31").interest, behind.at("2026-12-31").recognized),
        (0, 120_000)
    );
    let at = ahead.at("2026-12-31");
    // Half of the price on average, for a year at 12 %: about 72.00.
    assert!((7_100..7_300).contains(&at.interest), "{}", at.interest);
    assert_eq!((at.recognized, at.deferred_revenue, at.backlog), (120_000 + at.interest, 0, 0));
}
