//! What a right to leave keeps out of the firm price, and of receivables, on worked examples.

use super::{Story, contract, contract_id, day, invoice_of, policy, term};
use crate::{
    AmendmentFact, Clause, Convention, Fact, Method, PaymentFact, ReceivableOn, Refund, Rounding,
    TerminationFact,
};

const ANY_TIME: Clause = Clause { mutual: false, notice_days: 0, penalty: 0, from: None, to: None };

fn year(clause: Clause) -> Story {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    made.clauses = vec![clause];
    Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative))
}

/// T, what is beyond it, and their sum less R.
fn at(story: &Story, on: &str) -> (i128, i128, i128) {
    let at = story.at(on);
    assert_eq!(at.tcv, at.transaction_price + at.beyond_enforceable);
    (at.transaction_price, at.beyond_enforceable, at.backlog)
}

/// Thirty days of notice bind for thirty days beyond each day: time passing moves the rest into T, and
/// never changes what is signed. What leaving costs is bound too, as far as something is left.
#[test]
fn notice() {
    let mut story = year(Clause { notice_days: 30, ..ANY_TIME });
    assert_eq!(at(&story, "2026-01-01"), (10_000, 110_000, 120_000), "through January 31");
    story.run("2026-01-31");
    // 28 days of February and two of March.
    assert_eq!(at(&story, "2026-01-31"), (20_645, 99_355, 110_000));
    story.run("2026-11-30");
    assert_eq!(at(&story, "2026-11-30"), (119_677, 323, 10_000), "the 30th of December");
    story.run("2026-12-31");
    assert_eq!(at(&story, "2026-12-31"), (120_000, 0, 0));
    let costly = year(Clause { notice_days: 30, penalty: 60_000, ..ANY_TIME });
    assert_eq!(at(&costly, "2026-01-01"), (70_000, 50_000, 120_000));
    let dear = year(Clause { notice_days: 30, penalty: 500_000, ..ANY_TIME });
    assert_eq!(at(&dear, "2026-01-01"), (120_000, 0, 120_000));
}

/// A right that begins later binds until then; one that ended binds for good.
#[test]
fn windows() {
    let later = Clause { from: Some(day("2026-07-01")), notice_days: 31, ..ANY_TIME };
    let mut story = year(later);
    assert_eq!(at(&story, "2026-01-01"), (70_000, 50_000, 120_000), "gone at the end of July");
    story.run("2026-05-31");
    assert_eq!(at(&story, "2026-05-31"), (70_000, 50_000, 70_000));
    let mut story = year(Clause { to: Some(day("2026-03-31")), ..ANY_TIME });
    assert_eq!(at(&story, "2026-01-01"), (323, 119_677, 120_000));
    story.run("2026-03-31");
    assert_eq!(at(&story, "2026-03-31"), (30_000, 90_000, 90_000));
    story.run("2026-04-01");
    assert_eq!(at(&story, "2026-04-01").1, 0);
}

/// An amendment that takes the right away makes all of it firm, on its day and not before; a termination
/// leaves nothing beyond.
#[test]
fn rights_end() {
    let amended = Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day("2026-02-01"),
        changes: Vec::new(),
        added: Vec::new(),
        treatment: None,
        clauses: Some(Vec::new()),
    });
    let ended = Fact::Terminated(TerminationFact {
        contract: contract_id(),
        on: day("2026-02-01"),
        refund: Refund::Unearned,
        penalty: 0,
        keep_earned: true,
        wind_down_to: None,
    });
    for (fact, after) in [(amended, (120_000, 0, 110_000)), (ended, (10_000, 0, 0))] {
        let mut story = year(ANY_TIME);
        story.run("2026-01-31");
        assert_eq!(at(&story, "2026-01-31"), (10_000, 110_000, 110_000));
        story.fact(&fact);
        assert_eq!(at(&story, "2026-01-31"), (10_000, 110_000, 110_000));
        assert_eq!(at(&story, "2026-02-01"), after);
    }
}

/// Billed ahead under a contract that can be left: neither receivable nor liability before it is paid or
/// served (case 24, A), whichever day makes bills due.
#[test]
fn bills_are_no_right() {
    for receivable_on in [ReceivableOn::Issue, ReceivableOn::Due] {
        let mut made = contract(term("2029-01-01", "2029-03-31"), &[100_000]);
        made.clauses = vec![ANY_TIME];
        made.obligations[0].method =
            Method::PointInTime { quantity: super::q("1"), gates: Vec::new() };
        let policy =
            crate::Policy { receivable_on, ..policy(Convention::ActualDays, Rounding::Cumulative) };
        let mut story = Story::sign(made, policy);
        story.fact(&Fact::Invoiced(invoice_of(0, day("2029-01-01"), 100_000)));
        story.run("2029-01-31");
        for on in ["2029-01-01", "2029-01-31", "2029-02-28"] {
            let at = story.at(on);
            assert_eq!((at.receivable, at.deferred_revenue, at.cash), (0, 0, 0), "{on}");
            assert_eq!((at.billed, at.conditional_billing), (100_000, 100_000), "{on}");
        }
        let paid = PaymentFact { contract: contract_id(), on: day("2029-03-01"), amount: 40_000 };
        story.fact(&Fact::Paid(paid));
        let at = story.at("2029-03-01");
        assert_eq!((at.receivable, at.deferred_revenue, at.cash), (0, 40_000, 40_000));
        assert_eq!(at.conditional_billing, 60_000);
        story.fact(&Fact::Progressed(crate::ProgressFact {
            contract: contract_id(),
            obligation: super::obligation_id(0),
            on: day("2029-03-31"),
            reading: crate::Reading::Delivered { quantity: None, gate: None },
        }));
        story.run("2029-03-31");
        let at = story.at("2029-03-31");
        assert_eq!((at.receivable, at.deferred_revenue, at.contract_asset), (60_000, 0, 0));
        assert_eq!((at.conditional_billing, at.transaction_price, at.backlog), (0, 100_000, 0));
    }
}
