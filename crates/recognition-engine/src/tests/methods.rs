//! Each method of recognition on worked examples: what is earned, planned and left.

use backlog_money::Quantity;

use super::{Story, contract, contract_id, day, obligation_id, policy, q, take, term, usd};
use crate::{
    Convention, EngineError, Estimate, EstimateFact, Fact, Filter, Method, Milestone,
    MilestoneWeight, ProgressFact, Reading, Rounding,
};

fn story(prices: &[i128], methods: Vec<Method>) -> Story {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), prices);
    for (obligation, method) in signed.obligations.iter_mut().zip(methods) {
        if method.is_metered() {
            obligation.price = None;
        }
        obligation.method = method;
    }
    Story::sign(signed, policy(Convention::EvenMonths, Rounding::Cumulative))
}

fn progress(on: &str, reading: Reading) -> Fact {
    Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day(on),
        reading,
    })
}

/// Recognized and backlog at the ends of months, with a run through each.
fn monthly(story: &mut Story, facts: &[(&str, Vec<Fact>)]) -> Vec<(i128, i128)> {
    let mut figures = Vec::new();
    for (through, facts) in facts {
        for fact in facts {
            story.fact(fact);
        }
        story.run(through);
        let balances = story.at(through);
        figures.push((balances.recognized, balances.backlog));
        let planned = story.ledger.schedule(day(through), &Filter::all(usd())).unwrap();
        assert_eq!(planned.values().sum::<i128>(), balances.backlog, "the plan is T - R");
    }
    figures
}

/// Milestones earn their shares when reached, whatever was billed (case 29).
#[test]
fn milestones() {
    let milestones = ["0.2", "0.4", "0.4"].iter().enumerate().map(|(n, share)| Milestone {
        id: n.to_string(),
        weight: MilestoneWeight::Share(q(share)),
    });
    let mut story = story(&[120_000], vec![Method::Milestones(milestones.collect())]);
    story.invoice("2026-01-01", 80_000);
    let reach = |on, id: &str| progress(on, Reading::Milestone(id.to_owned()));
    let figures = monthly(
        &mut story,
        &[
            ("2026-01-31", vec![reach("2026-01-01", "0")]),
            ("2026-02-28", vec![reach("2026-02-02", "1")]),
        ],
    );
    assert_eq!(figures, [(24_000, 96_000), (72_000, 48_000)]);
    assert_eq!(story.at("2026-02-28").deferred_revenue, 8_000);
    let again = take(&mut story.state, &reach("2026-03-01", "1"));
    assert_eq!(again.unwrap_err(), EngineError::AlreadyReached("1".to_owned()));
    let unknown = take(&mut story.state, &reach("2026-03-01", "9"));
    assert_eq!(unknown.unwrap_err(), EngineError::UnknownMilestone("9".to_owned()));
}

/// Cost to cost by exact fractions; a higher estimate lowers progress, and revenue may still rise
/// (cases 31 and 33). Uninstalled materials earn what they cost.
#[test]
fn cost_to_cost() {
    let cost = |on, cost, estimate, uninstalled| {
        progress(on, Reading::Cost { cost, estimate: Some(estimate), uninstalled })
    };
    let mut one = story(&[16_400], vec![Method::CostToCost { estimate: 12_000 }]);
    let figures = monthly(
        &mut one,
        &[
            ("2026-06-30", vec![cost("2026-06-30", 3_900, 12_000, 0)]),
            ("2026-12-31", vec![cost("2026-12-31", 10_500, 15_600, 0)]),
        ],
    );
    assert_eq!(figures, [(5_330, 11_070), (11_038, 5_362)]);
    let mut elevators = story(&[5_000_000], vec![Method::CostToCost { estimate: 4_000_000 }]);
    let figures = monthly(
        &mut elevators,
        &[("2026-12-31", vec![cost("2026-12-31", 2_000_000, 4_000_000, 1_500_000)])],
    );
    assert_eq!(figures, [(2_200_000, 2_800_000)]);
    for (cost, estimate, uninstalled) in [(-1, 10, 0), (11, 10, 0), (5, 10, 6), (5, 10, -1)] {
        let wrong = Reading::Cost { cost, estimate: Some(estimate), uninstalled };
        let refused = take(&mut one.state, &progress("2027-01-31", wrong)).unwrap_err();
        assert_eq!(refused, EngineError::ProgressOutOfRange("o0".to_owned()));
    }
}

/// Units earn in proportion, and nothing beyond those promised (case 35).
#[test]
fn units_are_capped() {
    let mut story = story(&[120_000], vec![Method::Units { total: q("100") }]);
    let units = |on, done: &str| progress(on, Reading::Units(q(done)));
    let figures = monthly(
        &mut story,
        &[
            ("2026-01-31", vec![units("2026-01-01", "25")]),
            ("2026-02-28", vec![units("2026-02-01", "60")]),
            ("2026-03-31", vec![units("2026-03-01", "110")]),
            ("2026-04-30", vec![units("2026-04-01", "90")]),
        ],
    );
    assert_eq!(figures, [(30_000, 90_000), (72_000, 48_000), (120_000, 0), (108_000, 12_000)]);
    assert_eq!(story.at("2026-03-31").contract_asset, 120_000);
}

/// Metered work: T is what is earned, sub-cents are kept, pure use leaves no backlog (case 36).
#[test]
fn right_to_invoice() {
    let mut story = story(&[0], vec![Method::RightToInvoice { unit_price: q("0.015"), cap: None }]);
    story.invoice("2026-01-01", 5_000);
    let used =
        |on, quantity: &str| progress(on, Reading::Usage { quantity: q(quantity), amount: None });
    let figures = monthly(
        &mut story,
        &[
            ("2026-01-31", vec![used("2026-01-10", "10"), used("2026-01-11", "1000")]),
            ("2026-02-28", vec![used("2026-02-10", "1")]),
        ],
    );
    assert_eq!(figures, [(1_515, 0), (1_517, 0)]);
    let at = story.at("2026-02-28");
    assert_eq!((at.deferred_revenue, at.refund_liability, at.tcv), (3_483, 0, 1_517));
    let back = take(&mut story.state, &used("2026-03-01", "-2000"));
    assert_eq!(back.unwrap_err(), EngineError::ProgressOutOfRange("o0".to_owned()));
}

/// A committed minimum is backlog from the start; what of it is not used is earned at the end.
#[test]
fn usage_with_a_minimum() {
    let method = Method::Usage { unit_price: q("1"), minimum: 10_000, cap: None };
    let mut story = story(&[0], vec![method]);
    assert_eq!(story.at("2026-01-01").backlog, 10_000);
    let used =
        |on, quantity: &str| progress(on, Reading::Usage { quantity: q(quantity), amount: None });
    let figures = monthly(
        &mut story,
        &[
            ("2026-01-31", vec![used("2026-01-10", "30")]),
            ("2026-11-30", vec![]),
            ("2026-12-31", vec![]),
        ],
    );
    assert_eq!(figures, [(3_000, 7_000), (3_000, 7_000), (10_000, 0)]);
    let mut above =
        self::story(&[0], vec![Method::Usage { unit_price: q("1"), minimum: 10_000, cap: None }]);
    let figures = monthly(
        &mut above,
        &[("2026-01-31", vec![used("2026-01-10", "130")]), ("2026-12-31", vec![])],
    );
    assert_eq!(figures, [(13_000, 0), (13_000, 0)]);
}

/// A unit is transferred once it passed every gate; percent may fall and takes revenue back.
#[test]
fn deliveries_and_percents() {
    let gates = vec!["shipment".to_owned(), "acceptance".to_owned()];
    let method = Method::PointInTime { quantity: q("10"), gates };
    let mut one = story(&[100_000], vec![method]);
    let deliver = |on, quantity: Option<&str>, gate: &str| {
        let (quantity, gate) = (quantity.map(q), Some(gate.to_owned()));
        progress(on, Reading::Delivered { quantity, gate })
    };
    let figures = monthly(
        &mut one,
        &[
            ("2026-01-31", vec![deliver("2026-01-05", None, "shipment")]),
            ("2026-02-28", vec![deliver("2026-02-05", Some("4"), "acceptance")]),
            ("2026-03-31", vec![deliver("2026-03-05", None, "acceptance")]),
        ],
    );
    assert_eq!(figures, [(0, 100_000), (40_000, 60_000), (100_000, 0)]);
    let more = take(&mut one.state, &deliver("2026-04-01", Some("1"), "shipment"));
    assert_eq!(more.unwrap_err(), EngineError::ProgressOutOfRange("o0".to_owned()));
    let mut two = story(&[100_000], vec![Method::PercentComplete]);
    let percent = |on, done: &str| progress(on, Reading::Percent(q(done)));
    let figures = monthly(
        &mut two,
        &[
            ("2026-01-31", vec![percent("2026-01-31", "35")]),
            ("2026-02-28", vec![percent("2026-02-28", "30")]),
        ],
    );
    assert_eq!(figures, [(35_000, 65_000), (30_000, 70_000)]);
    let beyond = take(&mut two.state, &percent("2026-03-01", "100.1"));
    assert_eq!(beyond.unwrap_err(), EngineError::ProgressOutOfRange("o0".to_owned()));
    let other = take(&mut two.state, &progress("2026-03-01", Reading::Units(q("1"))));
    assert_eq!(other.unwrap_err(), EngineError::OtherMethod("o0".to_owned()));
}

/// Progress reported for days that are posted is corrected by the next run, on those days' months.
#[test]
fn late_progress_is_corrected() {
    let percent = |on, done: &str| progress(on, Reading::Percent(q(done)));
    let mut late = story(&[100_000], vec![Method::PercentComplete]);
    late.fact(&percent("2026-02-10", "50"));
    late.run("2026-03-31");
    late.fact(&percent("2026-01-10", "20"));
    late.run("2026-03-31");
    let mut ordered = story(&[100_000], vec![Method::PercentComplete]);
    ordered.fact(&percent("2026-01-10", "20"));
    ordered.fact(&percent("2026-02-10", "50"));
    ordered.run("2026-03-31");
    for on in ["2026-01-31", "2026-02-28", "2026-03-31"] {
        assert_eq!(late.at(on).recognized, ordered.at(on).recognized, "{on}");
    }
    assert_eq!(late.at("2026-01-31").recognized, 20_000);
    let entries =
        |story: &Story| story.ledger.entries(day("2026-12-31"), &Filter::all(usd())).unwrap();
    assert_eq!(entries(&late), entries(&ordered));
}

/// A right is earned as it is exercised, of what is expected to be (case 65, where that changes), and
/// wholly on its last day (case 63); the price of exercising enters T with it.
#[test]
fn material_rights() {
    let sold = |price, ssps: [i128; 2], (expected, exercise_price, expires_on): (&str, _, &str)| {
        let mut signed = contract(term("2026-01-01", "2026-12-31"), &[0, 0]);
        signed.price = Some(price);
        for (obligation, ssp) in signed.obligations.iter_mut().zip(ssps) {
            (obligation.price, obligation.ssp) = (None, Some(ssp));
        }
        signed.obligations[0].method = Method::MaterialRight {
            expected_share: q(expected),
            exercise_price,
            expires_on: day(expires_on),
        };
        signed.obligations[1].method =
            Method::PointInTime { quantity: Quantity::ONE, gates: Vec::new() };
        Story::sign(signed, policy(Convention::EvenMonths, Rounding::Cumulative))
    };
    let exercised = |on, share: &str| progress(on, Reading::Exercised(q(share)));
    let mut points = sold(10_000_000, [950_000, 10_000_000], ("0.95", 0, "2029-12-31"));
    assert_eq!(points.state.obligations[0].transaction_price, 867_580);
    points.fact(&exercised("2026-12-31", "0.45"));
    points.run("2026-12-31");
    assert_eq!(points.state.obligations[0].recognized, 410_959);
    points.fact(&Fact::Reestimated(EstimateFact {
        contract: contract_id(),
        on: day("2027-12-31"),
        estimate: Estimate::Exercise { obligation: obligation_id(0), share: q("0.97") },
    }));
    points.fact(&exercised("2027-12-31", "0.85"));
    points.run("2027-12-31");
    assert_eq!(points.state.obligations[0].recognized, 760_251);
    let late = take(&mut points.state, &exercised("2030-01-01", "0.9")).unwrap_err();
    assert_eq!(late, EngineError::ProgressOutOfRange("o0".to_owned()));
    points.run("2029-12-31");
    assert_eq!(points.state.obligations[0].recognized, 867_580);

    let mut voucher = sold(10_000, [1_200, 10_000], ("0.8", 5_000, "2026-01-31"));
    voucher.fact(&exercised("2026-01-15", "0.4"));
    voucher.run("2026-01-15");
    let at = voucher.at("2026-01-15");
    // 10.71 x 0.4 / 0.8, and 50.00 x 0.4 paid with it.
    assert_eq!((at.recognized, at.transaction_price), (536 + 2_000, 12_000));
    voucher.run("2026-01-31");
    assert_eq!(voucher.state.obligations[0].recognized, 1_071 + 2_000);
    let planned = voucher.ledger.schedule(day("2026-01-31"), &Filter::all(usd())).unwrap();
    assert_eq!(planned.values().sum::<i128>(), 8_929);
    let mut ended = sold(10_000, [1_200, 10_000], ("0.8", 0, "2026-06-30"));
    ended.fact(&progress("2026-02-10", Reading::Expired));
    ended.run("2026-02-28");
    assert_eq!(ended.state.obligations[0].recognized, 1_071);
}
