//! The journal: balanced at every entry, and what it comes to in the cases of the standard.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Story, contract, contract_id, day, invoice_of, obligation_id, policy, term, usd};
use crate::{
    Concession, Convention, CreditFact, Effects, Fact, Filter, InvoiceFact, InvoiceLine,
    PaymentFact, Policy, ReceivableOn, Refund, Role, Rounding, TerminationFact, Turnover, journal,
    turnover,
};

/// Over each day and posting period of a contract, debits and credits are equal.
pub(super) fn assert_balanced(effects: &Effects) {
    let mut days: BTreeMap<_, i128> = BTreeMap::new();
    for line in journal(effects) {
        assert_ne!(line.amount.minor(), 0, "{line:?}");
        let key = (line.contract, line.effective_date, line.posting_period);
        *days.entry(key).or_default() += line.amount.minor();
    }
    days.retain(|_, net| *net != 0);
    assert!(days.is_empty(), "not balanced: {days:?} in {effects:?}");
}

/// A year's subscription of 1,200.00 by even months.
fn subscription(policy: Policy) -> Story {
    let policy = Policy { convention: Convention::EvenMonths, ..policy };
    Story::sign(contract(term("2026-01-01", "2026-12-31"), &[120_000]), policy)
}

fn in_month(story: &Story, month: &str) -> Vec<(Role, i128)> {
    let found = story.ledger.journal(day(month), &Filter::all(usd())).unwrap();
    found.into_iter().collect()
}

fn pay(story: &mut Story, on: &str, amount: i128) {
    story.fact(&Fact::Paid(PaymentFact { contract: contract_id(), on: day(on), amount }));
}

fn invoice(on: &str, amount: i128, tax: i128) -> Fact {
    Fact::Invoiced(InvoiceFact { tax, ..invoice_of(0, day(on), amount) })
}

/// Shows a year billed ahead, with tax: the tax is owed to the authority, never revenue, and each
/// month draws its revenue from the liability alone.
#[test]
fn billed_ahead_with_tax() {
    let mut story = subscription(policy(Convention::EvenMonths, Rounding::Cumulative));
    story.fact(&invoice("2026-01-01", 120_000, 24_000));
    story.run("2026-01-31");
    pay(&mut story, "2026-02-10", 144_000);
    story.run("2026-02-28");
    assert_eq!(
        in_month(&story, "2026-01-01"),
        [
            (Role::Receivable, 144_000),
            (Role::ContractLiability, -110_000),
            (Role::TaxPayable, -24_000),
            (Role::Revenue, -10_000)
        ]
    );
    assert_eq!(
        in_month(&story, "2026-02-01"),
        [
            (Role::Receivable, -144_000),
            (Role::ContractLiability, 10_000),
            (Role::Revenue, -10_000),
            (Role::Cash, 144_000)
        ]
    );
    assert!(in_month(&story, "2026-03-01").is_empty(), "nothing happened in March");
}

/// Shows that an advance that pays an invoice with its tax leaves B, so that what was received for
/// the authority is no liability of the contract.
#[test]
fn an_advance_pays_the_tax_too() {
    let mut story = subscription(policy(Convention::EvenMonths, Rounding::Cumulative));
    pay(&mut story, "2026-01-01", 144_000);
    assert_eq!(story.at("2026-01-01").deferred_revenue, 144_000);
    story.fact(&invoice("2026-01-10", 120_000, 24_000));
    let at = story.at("2026-01-10");
    assert_eq!((at.billed, at.deferred_revenue, at.receivable), (120_000, 120_000, 0));
    assert_eq!(
        in_month(&story, "2026-01-01"),
        [(Role::ContractLiability, -120_000), (Role::TaxPayable, -24_000), (Role::Cash, 144_000)]
    );
}

/// Shows that an invoice that is not due yet is no entry: it becomes one in the month of its due date.
#[test]
fn not_due_is_not_posted() {
    let due = Policy {
        receivable_on: ReceivableOn::Due,
        ..policy(Convention::EvenMonths, Rounding::Cumulative)
    };
    let mut story = subscription(due);
    story.fact(&invoice("2026-01-15", 120_000, 24_000));
    assert!(in_month(&story, "2026-01-01").is_empty());
    assert_eq!(
        in_month(&story, "2026-02-01"),
        [
            (Role::Receivable, 144_000),
            (Role::ContractLiability, -120_000),
            (Role::TaxPayable, -24_000)
        ]
    );
}

/// Shows arrears, a credit with its tax, a termination with a refund and the refund's payment: asset,
/// refund liability and tax end where they must.
#[test]
fn arrears_credit_and_refund() {
    let mut story = subscription(policy(Convention::EvenMonths, Rounding::Cumulative));
    story.run("2026-01-31");
    assert_eq!(
        in_month(&story, "2026-01-01"),
        [(Role::ContractAsset, 10_000), (Role::Revenue, -10_000)]
    );
    story.fact(&invoice("2026-02-01", 60_000, 6_000));
    story.fact(&Fact::Credited(CreditFact {
        contract: contract_id(),
        on: day("2026-02-02"),
        lines: vec![InvoiceLine { obligation: obligation_id(0), amount: 10_000 }],
        tax: 1_000,
        concession: Concession::None,
    }));
    assert_eq!(
        in_month(&story, "2026-02-01"),
        [
            (Role::Receivable, 55_000),
            (Role::ContractAsset, -10_000),
            (Role::ContractLiability, -40_000),
            (Role::TaxPayable, -5_000)
        ]
    );
    pay(&mut story, "2026-03-01", 55_000);
    story.fact(&Fact::Terminated(TerminationFact {
        contract: contract_id(),
        on: day("2026-03-01"),
        refund: Refund::All,
        penalty: 0,
        keep_earned: true,
        wind_down_to: None,
    }));
    story.run("2026-03-01");
    // February was earned before the end, so it is kept and posts in February.
    assert_eq!(
        in_month(&story, "2026-02-01"),
        [
            (Role::Receivable, 55_000),
            (Role::ContractAsset, -10_000),
            (Role::ContractLiability, -30_000),
            (Role::TaxPayable, -5_000),
            (Role::Revenue, -10_000)
        ]
    );
    assert_eq!(
        in_month(&story, "2026-03-01"),
        [
            (Role::Receivable, -55_000),
            (Role::ContractLiability, 30_000),
            (Role::RefundLiability, -30_000),
            (Role::Cash, 55_000)
        ]
    );
    pay(&mut story, "2026-04-01", -30_000);
    assert_eq!(
        in_month(&story, "2026-04-01"),
        [(Role::RefundLiability, 30_000), (Role::Cash, -30_000)]
    );
}

/// Shows that turnover keeps debits and credits apart, by period, role and currency.
#[test]
fn turnover_keeps_both_sides() {
    let mut story = subscription(policy(Convention::EvenMonths, Rounding::Cumulative));
    story.fact(&invoice("2026-01-01", 120_000, 0));
    pay(&mut story, "2026-01-05", 50_000);
    let all = Filter::all(usd());
    let sums = turnover(story.ledger.journal_lines(&all)).unwrap();
    let january: NaiveDate = day("2026-01-01");
    let receivable = sums[&(january, Role::Receivable, usd())];
    assert_eq!(receivable, Turnover { debit: 120_000, credit: 50_000 });
    assert_eq!(receivable.net(), Ok(70_000));
    let net: i128 = sums.values().map(|of| of.net().unwrap()).sum();
    assert_eq!(net, 0);
}
