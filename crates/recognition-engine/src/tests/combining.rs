//! Contracts that are accounted for as one (606-10-25-9), on worked examples.

use backlog_ids::{ContractId, ObligationId};
use uuid::Uuid;

use super::{Story, contract, contract_id, day, invoice_of, obligation_id, policy, q, term, usd};
use crate::{
    AmendmentFact, Balances, Clause, Combination, Convention, EngineError, Estimate, EstimateFact,
    Fact, Filter, InvoiceFact, InvoiceLine, Measure, Method, NotCombinable, ObligationChange,
    PaymentFact, ProgressFact, Reading, Refund, Rounding, SignedContract, TerminationFact,
    Variable,
};

/// The id of the contract that joins.
pub(super) fn other_id() -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(8))
}

/// An obligation of the contract that joins.
pub(super) fn other_obligation(ordinal: u128) -> ObligationId {
    obligation_id(1_000 + ordinal)
}

/// The same contract as one of its own, to be joined.
pub(super) fn as_other(made: &SignedContract) -> SignedContract {
    let mut other = SignedContract { contract: other_id(), ..made.clone() };
    let id = |id: &ObligationId| {
        let place = made.obligations.iter().position(|known| known.id == *id).unwrap();
        other_obligation(u128::try_from(place).unwrap())
    };
    for obligation in &mut other.obligations {
        obligation.id = id(&obligation.id);
    }
    for variable in &mut other.variables {
        variable.applies_to = variable.applies_to.iter().map(id).collect();
    }
    other
}

impl Story {
    /// Lets another contract join.
    pub(super) fn join(&mut self, other: &Self, on: &str) {
        self.try_join(other, on).unwrap();
    }

    pub(super) fn try_join(&mut self, other: &Self, on: &str) -> Result<(), EngineError> {
        let combination = Combination { joining: vec![other.state.clone()], on: day(on) };
        self.try_fact(&Fact::Combined(combination))?;
        self.ledger.absorb(&other.ledger);
        Ok(())
    }

    fn of(&self, contract: ContractId, as_of: &str) -> Balances {
        self.ledger.balances(day(as_of), &Filter::contract(usd(), contract)).unwrap()
    }

    fn price(&self, place: usize) -> i128 {
        self.state.obligations[place].transaction_price
    }
}

/// Equipment for 1,000.00, for which it sells alone, delivered on 5 January; and a year of service for
/// 200.00, which sells alone for 500.00: together 800.00 and 400.00.
fn equipment_and_service() -> (Story, Story) {
    let how = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut equipment = contract(term("2026-01-01", "2026-12-31"), &[100_000]);
    equipment.obligations[0].method = Method::PointInTime { quantity: q("1"), gates: Vec::new() };
    let mut service = contract(term("2026-01-01", "2026-12-31"), &[20_000]);
    service.obligations[0].ssp = Some(50_000);
    let (mut one, other) = (Story::sign(equipment, how), Story::sign(as_other(&service), how));
    one.fact(&Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(0),
        on: day("2026-01-05"),
        reading: Reading::Delivered { quantity: None, gate: None },
    }));
    (one, other)
}

pub(super) fn other_invoice(issued_on: &str, amount: i128) -> Fact {
    let lines = vec![InvoiceLine { obligation: other_obligation(0), amount }];
    Fact::Invoiced(InvoiceFact {
        contract: other_id(),
        lines,
        ..invoice_of(0, day(issued_on), amount)
    })
}

/// Both prices are shared by stand-alone selling prices as at inception: what is posted before the decision is
/// caught up on its day, T and backlog change in sum not at all, and what was posted before that day stays.
#[test]
fn prices_are_shared_as_at_inception() {
    let (mut one, mut other) = equipment_and_service();
    one.run("2026-01-31");
    other.run("2026-01-31");
    one.join(&other, "2026-02-01");
    assert_eq!((one.price(0), one.price(1)), (80_000, 40_000));
    assert_eq!((one.at("2026-01-31").tcv, one.at("2026-02-01").tcv), (120_000, 120_000));
    one.run("2026-02-28");
    let at = |on: &str| (one.of(contract_id(), on).recognized, one.of(other_id(), on).recognized);
    assert_eq!(at("2026-01-31"), (100_000, 1_667));
    assert_eq!(at("2026-02-01"), (80_000, 3_333));
    assert_eq!(at("2026-02-28"), (80_000, 6_667));
    let moved = one.ledger.movements().iter().filter(|m| m.cause.name() == "reallocation");
    assert_eq!(moved.map(|m| m.amount.minor()).collect::<Vec<_>>(), [-20_000, 20_000]);
}

/// They have one net position from that day on, each its own part of it: what one has received beyond its
/// revenue is set against what the other has earned beyond its bills, and neither is before that day.
#[test]
fn they_have_one_net_position() {
    let (mut one, mut other) = equipment_and_service();
    one.invoice("2026-01-01", 100_000);
    one.run("2026-01-31");
    other.run("2026-01-31");
    one.join(&other, "2026-02-01");
    one.run("2026-02-28");
    let before = one.at("2026-01-31");
    assert_eq!((before.deferred_revenue, before.contract_asset), (0, 1_667));
    let own = one.of(contract_id(), "2026-02-28");
    assert_eq!((own.deferred_revenue, own.contract_asset), (20_000, 0));
    let joined = one.of(other_id(), "2026-02-28");
    assert_eq!((joined.deferred_revenue, joined.contract_asset), (-6_667, 0));
    let both = one.at("2026-02-28");
    assert_eq!((both.deferred_revenue, both.contract_asset), (13_333, 0));
    // All earned and only the first billed: an asset, again of both.
    one.run("2026-12-31");
    let (own, joined) = (one.of(contract_id(), "2026-12-31"), one.of(other_id(), "2026-12-31"));
    assert_eq!((own.contract_asset, joined.contract_asset), (-20_000, 40_000));
    assert_eq!((one.at("2026-12-31").contract_asset, own.deferred_revenue), (20_000, 0));
    let accounting: Vec<_> =
        one.state.accounting.iter().map(super::super::AccountingContract::id).collect();
    let last = one.ledger.movements().last().unwrap();
    assert_eq!(accounting, [last.accounting_contract]);
}

/// A bill of a day before they were one is its own contract's until then, and of both from then on.
#[test]
fn a_late_bill_is_netted_from_the_day_on() {
    let (mut one, mut other) = equipment_and_service();
    one.run("2026-01-31");
    other.run("2026-01-31");
    one.join(&other, "2026-02-01");
    one.run("2026-02-28");
    one.fact(&other_invoice("2026-01-20", 20_000));
    let january = (one.of(contract_id(), "2026-01-31"), one.of(other_id(), "2026-01-31"));
    assert_eq!((january.0.contract_asset, january.0.deferred_revenue), (100_000, 0));
    assert_eq!((january.1.contract_asset, january.1.deferred_revenue), (0, 18_333));
    let february = one.at("2026-02-28");
    assert_eq!((february.contract_asset, february.deferred_revenue), (66_667, 0));
    assert_eq!(one.of(other_id(), "2026-02-28").contract_asset, -13_333);
}

/// Cash, bills and receivables stay each contract's own.
#[test]
fn cash_is_each_contracts_own() {
    let (mut one, mut other) = equipment_and_service();
    other.fact(&other_invoice("2026-01-02", 5_000));
    one.join(&other, "2026-01-10");
    let pay =
        |contract, amount| Fact::Paid(PaymentFact { contract, on: day("2026-01-12"), amount });
    one.fact(&pay(contract_id(), 3_000));
    one.fact(&pay(other_id(), 4_000));
    let (own, joined) = (one.of(contract_id(), "2026-01-12"), one.of(other_id(), "2026-01-12"));
    assert_eq!((own.cash, own.receivable, own.billed), (3_000, 0, 3_000));
    assert_eq!((joined.cash, joined.receivable, joined.billed), (4_000, 1_000, 5_000));
    let unknown = ContractId::from_uuid(Uuid::from_u128(9));
    let refused = one.try_fact(&pay(unknown, 1)).unwrap_err();
    assert!(matches!(refused, EngineError::OtherContract { .. }), "{refused}");
}

/// Ended half done, the service gives back what it had of the equipment's price for the other half: the
/// customer owes 1,000.00 and half of 200.00 after all, which is T.
#[test]
fn a_contract_that_ends_gives_price_back() {
    let (mut one, other) = equipment_and_service();
    one.join(&other, "2026-01-01");
    one.run("2026-06-30");
    one.fact(&Fact::Terminated(TerminationFact {
        contract: other_id(),
        on: day("2026-07-01"),
        refund: Refund::Unearned,
        penalty: 0,
        keep_earned: true,
        wind_down_to: None,
    }));
    assert_eq!((one.price(0), one.price(1)), (90_000, 20_000));
    one.run("2026-12-31");
    let at = one.at("2026-12-31");
    assert_eq!((at.tcv, at.recognized, at.backlog), (110_000, 110_000, 0));
    // The other contract goes on: only its own obligation has ended.
    assert!(one.state.is_ended(other_id()) && !one.state.is_ended(contract_id()));
}

/// A change of one shares its price over what remains of both (25-13a); one that adds at its stand-alone
/// price is a contract of its own, not of the two.
#[test]
fn changes_share_over_both() {
    let (mut one, other) = equipment_and_service();
    one.join(&other, "2026-01-01");
    let amended = |price: i128, to: &str, ssp| {
        Fact::Amended(AmendmentFact {
            contract: other_id(),
            on: day("2026-07-01"),
            changes: vec![ObligationChange {
                obligation: other_obligation(0),
                price: Some(price),
                total: None,
                term: Some(term("2026-01-01", to)),
                ssp,
                remove: false,
                meter: crate::MeterChange::default(),
                distinct: None,
            }],
            added: Vec::new(),
            treatment: None,
            clauses: None,
        })
    };
    let mut apart = Story {
        state: one.state.clone(),
        ..Story::sign(
            contract(term("2026-01-01", "2026-01-31"), &[1]),
            policy(Convention::EvenMonths, Rounding::Cumulative),
        )
    };
    one.run("2026-06-30");
    one.fact(&amended(26_000, "2026-12-31", Some(50_000)));
    // The equipment is delivered: all of the 60.00 more is the service's.
    assert_eq!((one.price(0), one.price(1)), (80_000, 46_000));
    apart.fact(&amended(70_000, "2027-12-31", Some(100_000)));
    let ids: Vec<_> =
        apart.state.accounting.iter().map(|part| part.portions.first().contract).collect();
    assert_eq!(ids, [contract_id(), other_id()]);
    assert_eq!((apart.price(1), apart.price(2)), (40_000, 50_000));
}

/// Two contracts may name variable amounts alike: an estimate is of its own contract's, and shared over both.
#[test]
fn estimates_name_their_contract() {
    let how = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[60_000]);
    made.variables.push(Variable {
        id: "bonus".to_owned(),
        estimate: 0,
        included: 0,
        applies_to: Vec::new(),
        period: None,
        of: None,
    });
    let (mut one, other) = (Story::sign(made.clone(), how), Story::sign(as_other(&made), how));
    one.join(&other, "2026-01-01");
    let estimate = |contract, estimate| {
        let estimate = Estimate::Variable { id: "bonus".to_owned(), estimate, included: estimate };
        Fact::Reestimated(EstimateFact { contract, on: day("2026-02-01"), estimate })
    };
    one.fact(&estimate(other_id(), 10_000));
    one.fact(&estimate(contract_id(), 4_000));
    one.fact(&estimate(other_id(), 2_000));
    assert_eq!((one.price(0), one.price(1)), (63_000, 63_000));
}

/// A right to leave one contract says nothing of the other's obligations.
#[test]
fn rights_to_leave_are_each_contracts_own() {
    let (mut one, _) = equipment_and_service();
    let how = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut service = contract(term("2026-01-01", "2026-12-31"), &[20_000]);
    service.obligations[0].ssp = Some(50_000);
    service.clauses =
        vec![Clause { mutual: false, notice_days: 0, penalty: 0, from: None, to: None }];
    let other = Story::sign(as_other(&service), how);
    one.join(&other, "2026-01-01");
    let at = one.of(other_id(), "2026-01-01");
    assert_eq!((at.tcv, at.beyond_enforceable > 36_000), (40_000, true));
    assert_eq!(one.of(contract_id(), "2026-01-01").beyond_enforceable, 0);
}

/// What cannot be combined is refused with the contract and the reason, and nothing is changed.
#[test]
fn refusals() {
    let how = policy(Convention::EvenMonths, Rounding::Cumulative);
    let made = || contract(term("2026-01-01", "2026-12-31"), &[60_000]);
    let other = |change: &dyn Fn(&mut SignedContract)| {
        let mut signed = as_other(&made());
        change(&mut signed);
        Story::sign(signed, how)
    };
    let mut ended = other(&|_| {});
    ended.fact(&Fact::Terminated(TerminationFact {
        contract: other_id(),
        on: day("2026-01-01"),
        refund: Refund::All,
        penalty: 0,
        keep_earned: true,
        wind_down_to: None,
    }));
    for (joining, why) in [
        (ended, NotCombinable::Ended),
        (
            other(&|of| of.currency = backlog_money::Currency::parse("EUR").unwrap()),
            NotCombinable::OtherCurrency,
        ),
        (other(&|of| of.unmet = vec![crate::Criterion::Collection]), NotCombinable::NoContract),
        (other(&|of| of.financing = Some(q("0.05"))), NotCombinable::Financed),
        (other(&|of| of.signed_on = day("2026-03-01")), NotCombinable::SignedLater),
        (Story::sign(made(), how), NotCombinable::NamedTwice),
    ] {
        let mut one = Story::sign(made(), how);
        let (state, movements) = (one.state.clone(), one.ledger.movements().len());
        let contract = joining.state.contract;
        assert_eq!(
            one.try_join(&joining, "2026-02-01").unwrap_err(),
            EngineError::NotCombinable { contract, why }
        );
        assert_eq!((one.state, one.ledger.movements().len()), (state, movements));
    }
    let mut group = Story::sign(made(), how);
    group.join(&other(&|_| {}), "2026-02-01");
    let mut third = contract(term("2026-01-01", "2026-12-31"), &[60_000]);
    third.contract = ContractId::from_uuid(Uuid::from_u128(9));
    third.obligations[0].id = obligation_id(2_000);
    let mut third = Story::sign(third, how);
    let refused = third.try_join(&group, "2026-02-01").unwrap_err();
    let contract = contract_id();
    assert_eq!(
        refused,
        EngineError::NotCombinable { contract, why: NotCombinable::CombinedBefore }
    );
    group.join(&third, "2026-03-01");
    assert_eq!(group.state.legal.iter().count(), 3);
    let measure = Measure::TransactionPrice;
    assert_eq!(group.ledger.movements().iter().filter(|m| m.measure == measure).count(), 3);
}
