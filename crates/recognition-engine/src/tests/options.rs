//! Options to renew and caps of metered use, on worked examples.

use super::{Story, contract, contract_id, day, obligation, obligation_id, policy, q, term};
use crate::{
    Convention, EngineError, Fact, Method, ProgressFact, Reading, Renewal, Rounding, fold,
};

/// Three years at 1,000.00 for 100 customers, of whom 90 % are expected to renew, and 90 % of those again;
/// by cost plus, the years sell for 600.00, 750.00 and 1,000.00 each (ASC 606-10-55, Example 51).
fn maintained() -> Story {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[10_000_000]);
    made.obligations[0].ssp = Some(6_000_000);
    for (n, year, ssp, share) in [(1, 2027, 7_500_000, "0.9"), (2, 2028, 10_000_000, "0.81")] {
        let mut option = obligation(n, None, Some(ssp));
        option.term = Some(term(&format!("{year}-01-01"), &format!("{year}-12-31")));
        option.renewal = Some(Renewal {
            expected_share: q(share),
            exercise_price: 10_000_000,
            expires_on: day(&format!("{}-12-31", year - 1)),
        });
        made.obligations.push(option);
    }
    Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative))
}

fn exercised(n: u128, on: &str, share: &str) -> Fact {
    Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(n),
        on: day(on),
        reading: Reading::Exercised(q(share)),
    })
}

/// The first year earns its part of all three expected ones, the rest of what was paid waits for the
/// renewals: 271,000.00 x 60,000 / 208,500 = 77,985.61.
#[test]
fn renewals_are_looked_through() {
    let mut story = maintained();
    let at = story.at("2026-01-01");
    assert_eq!((at.tcv, at.potential), (10_000_000, 20_000_000), "options are never in backlog");
    story.run("2026-12-30");
    story.fact(&exercised(1, "2026-12-31", "0.9"));
    story.run("2026-12-31");
    let at = story.at("2026-12-31");
    assert_eq!((at.recognized, at.tcv, at.potential), (7_798_561, 19_000_000, 10_000_000));
    story.run("2027-12-30");
    story.fact(&exercised(2, "2027-12-31", "0.81"));
    story.run("2027-12-31");
    assert_eq!(story.at("2027-12-31").recognized, 7_798_561 + 8_773_381);
    story.run("2028-12-31");
    let at = story.at("2028-12-31");
    assert_eq!((at.recognized, at.tcv, at.backlog, at.potential), (27_100_000, 27_100_000, 0, 0));
}

/// Not renewed, what was kept for the renewals is earned when the options run out; neither can be exercised
/// then, or served without.
#[test]
fn options_run_out() {
    let mut story = maintained();
    story.run("2026-12-31");
    let early = Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(1),
        on: day("2026-06-30"),
        reading: Reading::Percent(q("10")),
    });
    for fact in [exercised(1, "2027-01-01", "0.9"), early, exercised(1, "2026-12-01", "1.1")] {
        let refused = fold(Some(story.state.clone()), &fact, story.periods);
        assert!(matches!(refused, Err(EngineError::ProgressOutOfRange(_))), "{refused:?}");
    }
    story.run("2027-12-31");
    let at = story.at("2027-12-31");
    assert_eq!((at.recognized, at.backlog, at.potential), (10_000_000, 0, 0));
}

/// Use beyond a cap earns nothing, and what may be invoiced for work stops there.
#[test]
fn caps() {
    let capped = |method| {
        let mut made = contract(term("2026-01-01", "2026-12-31"), &[0]);
        made.obligations[0].price = None;
        made.obligations[0].method = method;
        Story::sign(made, policy(Convention::ActualDays, Rounding::Cumulative))
    };
    let (unit_price, cap) = (q("2"), Some(10_000));
    for method in [
        Method::Usage { unit_price, minimum: 500, cap },
        Method::RightToInvoice { unit_price, cap },
    ] {
        let mut story = capped(method);
        for (on, recognized) in
            [("2026-01-31", 6_000), ("2026-02-28", 10_000), ("2026-03-31", 10_000)]
        {
            story.fact(&Fact::Progressed(ProgressFact {
                contract: contract_id(),
                obligation: obligation_id(0),
                on: day(on),
                reading: Reading::Usage { quantity: q("30"), amount: None },
            }));
            story.run(on);
            let at = story.at(on);
            assert_eq!((at.recognized, at.backlog), (recognized, 0), "{on}");
        }
    }
}
