//! Invoices: how they are spread, what they move, and what is refused.

use super::{
    Story, book, contract, contract_id, day, invoice, invoice_of, obligation_id, policy, term,
};
use crate::{
    Cause, Convention, EngineError, Fact, InvoiceLine, Measure, Policy, ReceivableOn, Rounding,
    check_ceiling, invoice_spread,
};

/// An invoice is spread by what is unbilled; over-billed obligations take no part.
#[test]
fn spreads_by_what_is_unbilled() {
    let table: [(&[i128], i128, &[i128]); 8] = [
        (&[30_000, 120_000], 15_000, &[3_000, 12_000]),
        (&[1, 1, 1], 2, &[1, 1, 0]),
        (&[0, 500], 500, &[0, 500]),
        (&[-200, 500], 300, &[0, 300]),
        (&[0, 0], 0, &[0, 0]),
        (&[5, 5], 0, &[0, 0]),
        (&[-5], 0, &[0]),
        (&[-200, 100], 0, &[0, 0]),
    ];
    for (unbilled, amount, expected) in table {
        assert_eq!(invoice_spread(unbilled, amount).unwrap(), expected);
    }
}

/// Nothing can be billed beyond the contract's price, and the answer says how much can be.
#[test]
fn refuses_beyond_the_ceiling() {
    let exceeds = |billable| EngineError::InvoiceExceedsCeiling { billable };
    assert_eq!(invoice_spread(&[60, 40], 101), Err(exceeds(100)));
    assert_eq!(invoice_spread(&[-200, 500], 301), Err(exceeds(300)));
    assert_eq!(check_ceiling(&[-200, 100], 1), Err(exceeds(0)));
    assert_eq!(check_ceiling(&[60, 40], 100), Ok(()));
    assert_eq!(check_ceiling(&[60, 40], -1), Err(EngineError::NegativeInvoice));
    assert_eq!(check_ceiling(&[i128::MAX, 1], 1), Err(EngineError::Overflow));
}

/// An invoice moves B, U and the receivable with tax; it moves neither T nor R, nor backlog.
#[test]
fn moves_billing_only() {
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut story = Story::sign(contract(term("2026-01-01", "2026-12-31"), &[120_000]), even);
    let mut fact = invoice_of(0, day("2026-01-01"), 10_000);
    fact.tax = 1_900;
    story.fact(&Fact::Invoiced(fact));
    let after = story.at("2026-01-01");
    assert_eq!((after.billed, after.receivable, after.unbilled_backlog), (10_000, 11_900, 110_000));
    assert_eq!((after.deferred_revenue, after.conditional_billing), (10_000, 0));
    assert_eq!((after.tcv, after.recognized, after.backlog), (120_000, 0, 120_000));
    let causes: Vec<_> = story.ledger.movements()[1..]
        .iter()
        .map(|movement| (movement.cause, movement.measure, movement.obligation))
        .collect();
    let obligation = Some(obligation_id(0));
    assert_eq!(
        causes,
        [
            (Cause::Invoice, Measure::Billed, obligation),
            (Cause::Invoice, Measure::Unconditional, obligation),
            (Cause::Invoice, Measure::Tax, None),
            (Cause::Invoice, Measure::Receivable, None),
            (Cause::ContractBalance, Measure::DeferredRevenue, None),
        ]
    );
}

/// Under the due-date policy an issued invoice is conditional until it is due; the movement lies
/// ahead. A due date before issue counts as the day of issue.
#[test]
fn unconditional_when_due() {
    let due = Policy { receivable_on: ReceivableOn::Due, ..Policy::default() };
    let year = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut story = Story::sign(year.clone(), due);
    story.invoice("2026-01-10", 50_000);
    let issued = story.at("2026-02-08");
    assert_eq!((issued.billed, issued.conditional_billing), (50_000, 50_000));
    assert_eq!((issued.receivable, issued.deferred_revenue), (0, 0));
    let due_day = story.at("2026-02-09");
    assert_eq!((due_day.billed, due_day.conditional_billing), (50_000, 0));
    assert_eq!((due_day.receivable, due_day.deferred_revenue), (50_000, 50_000));
    // A run through February posts before and after that day.
    story.run("2026-02-28");
    assert_eq!(story.at("2026-01-31").contract_asset, 10_192);
    assert_eq!(story.at("2026-02-28").contract_asset, 0);
    assert_eq!(story.at("2026-02-28").deferred_revenue, 50_000 - 19_397);

    let mut early = invoice_of(0, day("2026-01-10"), 50_000);
    early.due_on = day("2026-01-01");
    let mut story = Story::sign(year, due);
    story.fact(&Fact::Invoiced(early));
    assert_eq!(story.at("2026-01-09").deferred_revenue, 0);
    assert_eq!(story.at("2026-01-10").deferred_revenue, 50_000);
}

/// What cannot be accounted for is refused, and leaves the state as it was.
#[test]
fn refuses_unsound_invoices() {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let (mut state, _) = book(&signed, &Policy::default()).unwrap();
    let before = state.clone();
    let good = invoice_of(0, day("2026-01-01"), 5);

    let mut other = good.clone();
    other.contract = backlog_ids::ContractId::from_uuid(uuid::Uuid::nil());
    let error = EngineError::OtherContract { fact: other.contract, state: contract_id() };
    assert_eq!(invoice(&mut state, &other), Err(error));
    let mut unknown = good.clone();
    unknown.lines.push(InvoiceLine { obligation: obligation_id(5), amount: 1 });
    let error = EngineError::UnknownObligation(obligation_id(5));
    assert_eq!(invoice(&mut state, &unknown), Err(error));
    let mut negative = good.clone();
    negative.lines.push(InvoiceLine { obligation: obligation_id(0), amount: -1 });
    assert_eq!(invoice(&mut state, &negative), Err(EngineError::NegativeInvoice));
    let mut tax = good.clone();
    tax.tax = -1;
    assert_eq!(invoice(&mut state, &tax), Err(EngineError::NegativeInvoice));
    let mut huge = good.clone();
    huge.lines = vec![InvoiceLine { obligation: obligation_id(0), amount: i128::MAX }; 2];
    assert_eq!(invoice(&mut state, &huge), Err(EngineError::Overflow));
    assert_eq!(state, before);

    let mut nothing = good;
    nothing.lines[0].amount = 0;
    assert!(invoice(&mut state, &nothing).unwrap().is_empty(), "no movement of zero");
    assert_eq!(state, before);
}
