//! What was signed and is no contract (606-10-25-1 to 25-8): in no figure until it is one, on worked
//! examples.

use super::{Story, contract, contract_id, day, invoice_of, obligation_id, policy, q, term};
use crate::{
    AmendmentFact, AssessmentFact, Clause, Convention, Criterion, EngineError, Fact, Method,
    PaymentFact, ProgressFact, Reading, ReceivableOn, Refund, Rounding, SignedContract, Standing,
    TerminationFact,
};

const EITHER: Clause = Clause { mutual: true, notice_days: 0, penalty: 0, from: None, to: None };

/// A year from March on, signed in January, for 1,200.00.
fn later_year(clauses: &[Clause]) -> SignedContract {
    let mut made = contract(term("2026-03-01", "2027-02-28"), &[120_000]);
    made.signed_on = day("2026-01-10");
    made.clauses = clauses.to_vec();
    made
}

fn sign(made: SignedContract) -> Story {
    Story::sign(made, policy(Convention::EvenMonths, Rounding::Cumulative))
}

fn unlikely_to_be_paid() -> SignedContract {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    made.unmet = vec![Criterion::Collection];
    made
}

fn paid(on: &str, amount: i128) -> Fact {
    Fact::Paid(PaymentFact { contract: contract_id(), on: day(on), amount })
}

fn assessed(on: &str, unmet: &[Criterion]) -> Fact {
    let (contract, unmet) = (contract_id(), unmet.to_vec());
    Fact::Reassessed(AssessmentFact { contract, on: day(on), unmet })
}

fn ended(on: &str, refund: Refund) -> Fact {
    Fact::Terminated(TerminationFact {
        contract: contract_id(),
        on: day(on),
        refund,
        penalty: 0,
        keep_earned: true,
        wind_down_to: None,
    })
}

/// That nothing of it is in T, TCV, backlog, bookings or revenue, and nothing planned.
fn is_nothing(story: &Story, on: &str) {
    let at = story.at(on);
    assert_eq!((at.tcv, at.transaction_price, at.recognized, at.backlog), (0, 0, 0, 0), "{on}");
    assert_eq!(at.potential, 0);
    assert_eq!(at.unbilled_backlog, -at.billed, "what is billed is of no backlog");
    assert!(story.ledger.schedule(day(on), &crate::Filter::all(super::usd())).unwrap().is_empty());
}

/// Each party may leave at once until service begins: then it is a contract, booked as of that day by
/// the run that comes upon it; a customer's own right to leave is no such thing.
#[test]
fn nobody_is_bound_before_service() {
    let mut story = sign(later_year(&[EITHER]));
    is_nothing(&story, "2026-02-28");
    story.run("2026-01-31");
    is_nothing(&story, "2026-12-31");
    assert_eq!(story.state.arises_by_time(), Some(day("2026-03-01")));
    story.run("2026-03-31");
    is_nothing(&story, "2026-02-28");
    assert_eq!(story.state.standing, Standing::Since(day("2026-03-01")));
    let at = story.at("2026-03-01");
    assert_eq!((at.tcv, at.recognized), (120_000, 0));
    assert_eq!(
        (story.at("2026-03-31").recognized, story.at("2026-03-31").backlog),
        (10_000, 110_000)
    );
    let customers = sign(later_year(&[Clause { mutual: false, ..EITHER }]));
    assert_eq!(customers.state.standing, Standing::Contract);
    assert_eq!(customers.at("2026-01-10").tcv, 120_000);
}

/// Notice that reaches into service, a penalty, a right that begins later or has ended bind: it is a
/// contract. Clauses that follow on each other are one right.
#[test]
fn what_binds() {
    let from = |from: &str| Some(day(from));
    for (clause, day_of_contract) in [
        (Clause { notice_days: 50, ..EITHER }, None),
        (Clause { notice_days: 49, ..EITHER }, from("2026-01-11")),
        (Clause { notice_days: 30, ..EITHER }, from("2026-01-30")),
        (Clause { penalty: 1, ..EITHER }, None),
        (Clause { from: from("2026-02-01"), ..EITHER }, None),
        (Clause { to: from("2026-01-09"), ..EITHER }, None),
        (Clause { to: from("2026-01-31"), ..EITHER }, from("2026-02-01")),
    ] {
        let story = sign(later_year(&[clause]));
        assert_eq!(story.state.standing == Standing::Contract, day_of_contract.is_none());
        assert_eq!(story.state.arises_by_time(), day_of_contract, "{clause:?}");
    }
    let first = Clause { to: from("2026-01-31"), ..EITHER };
    let second = Clause { from: from("2026-02-01"), to: from("2026-02-10"), ..EITHER };
    let story = sign(later_year(&[second, first]));
    assert_eq!(story.state.arises_by_time(), from("2026-02-11"));
}

/// The first payment, the first delivery, and the end of the right by amendment each make it a contract
/// on their day, once; an invoice does not, and is no right to payment until then.
#[test]
fn what_makes_it_a_contract() {
    let goods = || {
        let mut made = later_year(&[EITHER]);
        made.obligations[0].method = Method::PointInTime { quantity: q("1"), gates: Vec::new() };
        made
    };
    let delivered = Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-04-10"),
        reading: Reading::Delivered { quantity: None, gate: None },
    });
    let amended = Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on: day("2026-04-10"),
        changes: Vec::new(),
        added: Vec::new(),
        treatment: None,
        clauses: Some(Vec::new()),
    });
    for fact in [paid("2026-04-10", 1_000), delivered, amended] {
        let mut story = sign(goods());
        assert_eq!(story.state.arises_by_time(), None, "nothing binds before it is delivered");
        story.fact(&Fact::Invoiced(invoice_of(0, day("2026-02-01"), 50_000)));
        story.run("2026-03-31");
        is_nothing(&story, "2026-12-31");
        let at = story.at("2026-03-31");
        assert_eq!((at.billed, at.conditional_billing, at.receivable), (50_000, 50_000, 0));
        assert_eq!((at.deferred_revenue, at.refund_liability), (0, 0));
        story.fact(&fact);
        is_nothing(&story, "2026-04-09");
        let at = story.at("2026-04-10");
        assert_eq!((at.tcv, at.backlog), (120_000, 120_000), "{fact:?}");
        assert_eq!(at.billed, 50_000);
        assert_eq!(story.state.standing, Standing::Since(day("2026-04-10")));
        story.run("2026-04-30");
        assert_eq!(story.at("2026-04-30").tcv, 120_000, "booked once");
    }
}

/// Collection is not probable: services are rendered and some of it is paid, and nothing is in any figure
/// but the liability, whoever is at what day. When it is, all of it is booked on that day and what was
/// done caught up, each month of service its own.
#[test]
fn collection_not_probable() {
    for receivable_on in [ReceivableOn::Issue, ReceivableOn::Due] {
        let policy =
            crate::Policy { receivable_on, ..policy(Convention::EvenMonths, Rounding::Cumulative) };
        let mut story = Story::sign(unlikely_to_be_paid(), policy);
        story.fact(&Fact::Invoiced(invoice_of(0, day("2026-01-01"), 30_000)));
        story.fact(&paid("2026-02-10", 5_000));
        story.run("2026-03-31");
        is_nothing(&story, "2026-06-30");
        let at = story.at("2026-03-31");
        assert_eq!((at.deferred_revenue, at.refund_liability, at.cash), (5_000, 0, 5_000));
        assert_eq!((at.receivable, at.conditional_billing), (0, 25_000));
        story.fact(&assessed("2026-04-15", &[Criterion::Collection, Criterion::Approval]));
        is_nothing(&story, "2026-06-30");
        story.fact(&assessed("2026-05-01", &[]));
        is_nothing(&story, "2026-04-30");
        let at = story.at("2026-05-01");
        assert_eq!((at.tcv, at.recognized, at.receivable), (120_000, 0, 25_000));
        story.run("2026-05-31");
        let at = story.at("2026-05-31");
        assert_eq!((at.recognized, at.backlog, at.contract_asset), (50_000, 70_000, 20_000));
        let all = crate::Filter::all(super::usd());
        let entries = story.ledger.entries(day("2026-05-31"), &all).unwrap();
        assert!(
            entries.iter().all(|e| e.posting_period == day("2026-05-01") && e.amount == 10_000)
        );
        assert_eq!(entries.len(), 5);
    }
}

/// Both: a contract that fails a criterion and that each may leave stays none when the criterion is met,
/// until service begins; where something was paid meanwhile it is one at once.
#[test]
fn assessed_and_still_open() {
    for pays in [false, true] {
        let mut made = later_year(&[EITHER]);
        made.unmet = vec![Criterion::Approval];
        let mut story = sign(made);
        if pays {
            story.fact(&paid("2026-01-20", 700));
        }
        story.run("2026-01-31");
        is_nothing(&story, "2026-12-31");
        story.fact(&assessed("2026-02-01", &[]));
        let one = pays.then(|| Standing::Since(day("2026-02-01")));
        assert_eq!(one.is_some(), story.at("2026-02-01").tcv == 120_000);
        story.run("2026-03-31");
        assert_eq!(story.at("2026-03-31").recognized, 10_000);
        assert_eq!(story.state.standing, one.unwrap_or(Standing::Since(day("2026-03-01"))));
    }
}

/// What ends before it is a contract was never in backlog: what is kept of what was received is revenue
/// on that day (25-7), the rest is owed to the customer, and unpaid bills stay no right.
#[test]
fn ends_without_a_contract() {
    for (refund, kept) in [
        (Refund::Unearned, 0),
        (Refund::All, 0),
        (Refund::Amount(0), 8_000),
        (Refund::Amount(3_000), 5_000),
    ] {
        let mut story = sign(unlikely_to_be_paid());
        story.fact(&Fact::Invoiced(invoice_of(0, day("2026-01-01"), 30_000)));
        story.fact(&paid("2026-02-10", 8_000));
        story.fact(&ended("2026-03-15", refund));
        story.run("2026-03-31");
        let at = story.at("2026-03-31");
        assert_eq!((at.tcv, at.recognized, at.backlog), (kept, kept, 0), "{refund:?}");
        assert_eq!((at.refund_liability, at.deferred_revenue), (8_000 - kept, 0));
        assert_eq!((at.receivable, at.conditional_billing), (0, 22_000));
        is_nothing(&story, "2026-03-14");
    }
}

/// Each party leaves on the very day on which service would begin: it never was a contract. A day later
/// it was one.
#[test]
fn left_unperformed() {
    let mut story = sign(later_year(&[EITHER]));
    story.fact(&ended("2026-03-01", Refund::Unearned));
    story.run("2026-04-30");
    is_nothing(&story, "2026-12-31");
    assert!(story.ledger.movements().is_empty());
    let mut story = sign(later_year(&[EITHER]));
    story.fact(&ended("2026-03-16", Refund::Unearned));
    story.run("2026-04-30");
    assert_eq!(story.at("2026-03-15").tcv, 120_000);
    assert_eq!(story.at("2026-03-31").backlog, 0);
    assert!(story.at("2026-03-31").recognized > 0);
}

/// What is a contract is not assessed anew, nothing is adjusted where there is none, and an assessment
/// does not come before the last.
#[test]
fn refusals() {
    let mut story = sign(later_year(&[]));
    assert_eq!(story.try_fact(&assessed("2026-02-01", &[])), Err(EngineError::IsContract));
    let mut story = sign(unlikely_to_be_paid());
    let adjusted = Fact::Adjusted(crate::AdjustmentFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-02-01"),
        amount: 100,
    });
    assert_eq!(story.try_fact(&adjusted), Err(EngineError::NotContract));
    story.fact(&assessed("2026-03-01", &[Criterion::Collection]));
    let early = story.try_fact(&assessed("2026-02-01", &[]));
    assert!(matches!(early, Err(EngineError::ChangeBeforeLast { .. })), "{early:?}");
}

/// It becomes a contract for a day that is closed: booked on the first open day, which says its own.
#[test]
fn in_a_closed_period() {
    let mut story = sign(later_year(&[EITHER]));
    story.close("2026-03-31");
    story.run("2026-04-30");
    is_nothing(&story, "2026-03-31");
    assert_eq!(story.at("2026-04-01").tcv, 120_000);
    assert_eq!(story.at("2026-04-30").recognized, 20_000);
    let booked = story.ledger.movements().first().unwrap();
    assert_eq!(booked.late_of, Some(day("2026-03-01")));
}
