//! Booking: allocation, what enters backlog, and everything that is refused.

use super::{
    Story, book, contract, contract_id, day, obligation, obligation_id, policy, term, usd,
};
use crate::{
    Cause, Convention, EngineError, Fact, Filter, Measure, Method, ObligationState, Periods,
    Policy, RULE_VERSION, Rounding, SignedContract, Spread, ViolationReason,
    accounting_contract_of, allocate_price, fold, plan, validate,
};

fn priced(price: i128, ssps: &[i128]) -> SignedContract {
    let obligations = (0..).zip(ssps).map(|(n, ssp)| obligation(n, None, Some(*ssp)));
    SignedContract {
        price: Some(price),
        obligations: obligations.collect(),
        ..contract(term("2026-01-01", "2026-12-31"), &[])
    }
}

/// A fixed price is shared by relative SSP, the odd unit to the largest remainder, ties by order.
#[test]
fn allocates_by_relative_ssp() {
    let table: [(i128, &[i128], &[i128]); 4] = [
        // IFRS 15 example 33.
        (10_000, &[5_000, 2_500, 7_500], &[3_333, 1_667, 5_000]),
        (10_000, &[1, 1, 1], &[3_334, 3_333, 3_333]),
        (0, &[1, 2], &[0, 0]),
        (1_000_000_000_000_000, &[1_000_000_000_000_000], &[1_000_000_000_000_000]),
    ];
    for (price, ssps, expected) in table {
        assert_eq!(allocate_price(&priced(price, ssps)).unwrap(), expected);
    }
}

/// Stated prices are kept where no SSP differs, and re-shared where one does.
#[test]
fn stated_prices_default_the_ssp() {
    let year = term("2026-01-01", "2026-12-31");
    assert_eq!(allocate_price(&contract(year, &[30_000, 120_000])).unwrap(), [30_000, 120_000]);
    assert_eq!(allocate_price(&contract(year, &[500, 0])).unwrap(), [500, 0]);
    assert_eq!(allocate_price(&contract(year, &[0, 0])).unwrap(), [0, 0]);
    let mut discounted = contract(year, &[30_000, 120_000]);
    discounted.obligations[0].ssp = Some(40_000);
    // 150,000 x 40 / 160 and x 120 / 160.
    assert_eq!(allocate_price(&discounted).unwrap(), [37_500, 112_500]);
}

/// Booking moves T of each obligation on the day of signature and plans it month by month; it moves
/// neither revenue nor billing.
#[test]
fn books_price_and_plan() {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[120_000, 30_000]);
    signed.signed_on = day("2025-12-20");
    signed.obligations[1].term = Some(term("2026-02-01", "2026-03-31"));
    signed.obligations[1].method =
        Method::StraightLine { convention: Some(Convention::ActualDays) };
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let (state, effects) = book(&signed, &even).unwrap();

    assert_eq!(state.accounting[0].id(), accounting_contract_of(contract_id(), 0));
    let (one, two) = (&state.obligations[0], &state.obligations[1]);
    let convention = |of: &ObligationState| match of.phases[0].spread {
        Spread::Time { convention, .. } => convention,
        _ => panic!("earned by time"),
    };
    assert_eq!((convention(one), one.ordinal), (Convention::EvenMonths, 0));
    assert_eq!((convention(two), two.ordinal), (Convention::ActualDays, 1));
    assert_eq!(effects.movements.len(), 2, "nothing but T moves");
    for (movement, price) in effects.movements.iter().zip([120_000, 30_000]) {
        assert_eq!(movement.cause, Cause::Booking);
        assert_eq!(movement.measure, Measure::TransactionPrice);
        assert_eq!(movement.amount.minor(), price);
        assert_eq!(movement.effective_date, day("2025-12-20"));
        assert_eq!(movement.posting_period, day("2025-12-01"));
        assert_eq!(movement.service_month, None);
        assert_eq!((movement.rule_version, movement.policy_version), (RULE_VERSION, 1));
    }
    assert_eq!(effects.plan_changes.len(), 12 + 2);
    let february = &effects.plan_changes[12];
    assert_eq!(february.obligation, obligation_id(1));
    assert_eq!(february.month, day("2026-02-01"));
    // 30,000 x 28 / 59.
    assert_eq!(february.amount.minor(), 14_237);
    assert_eq!(february.effective_date, day("2025-12-20"));
    assert_eq!(february.service.unwrap().to, day("2026-02-28"));
    let planned: i128 = plan(two).unwrap().iter().map(|month| month.amount).sum();
    assert_eq!(planned, 30_000);
}

/// Before it is signed a contract is in no figure.
#[test]
fn nothing_before_signature() {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    signed.signed_on = day("2026-03-15");
    let mut story = Story::sign(signed, policy(Convention::EvenMonths, Rounding::Cumulative));
    story.run("2026-03-14");
    assert!(story.ledger.by_month(day("9999-12-31"), &Filter::all(usd())).unwrap().is_empty());
    story.run("2026-03-31");
    assert_eq!(story.at("2026-03-14"), crate::Balances::default());
    // Performance of January and February is caught up on the day of signature.
    let signature = story.at("2026-03-15");
    assert_eq!((signature.tcv, signature.recognized), (120_000, 20_000));
    assert_eq!(story.at("2026-03-31").recognized, 30_000);
    let entries = story.ledger.entries(day("2026-03-31"), &Filter::all(usd())).unwrap();
    let services: Vec<_> = entries.iter().map(|entry| entry.service_month).collect();
    assert_eq!(services, [day("2026-01-01"), day("2026-02-01"), day("2026-03-01")]);
    assert!(entries.iter().all(|entry| entry.posting_period == day("2026-03-01")));
}

fn reasons(contract: &SignedContract) -> Vec<(Option<usize>, ViolationReason)> {
    let violations = validate(contract);
    let refused = fold(
        None,
        &Fact::Signed { contract: contract.clone(), policy: Policy::default() },
        Periods::default(),
    );
    assert_eq!(refused, Err(EngineError::InvalidContract(violations.clone())));
    violations.iter().map(|violation| (violation.ordinal, violation.reason)).collect()
}

/// Each rule of a contract has its reason, and names the obligation.
#[test]
fn refuses_unsound_contracts() {
    use ViolationReason as R;
    let year = term("2026-01-01", "2026-12-31");
    assert_eq!(reasons(&contract(year, &[])), [(None, R::NoObligations)]);
    assert_eq!(reasons(&contract(year, &[-1])), [(Some(0), R::NegativePrice)]);
    let most = 1_000_000_000_000_000;
    assert!(validate(&contract(year, &[most])).is_empty());
    assert_eq!(reasons(&contract(year, &[most + 1]))[1], (Some(0), R::AmountTooLarge));
    assert_eq!(reasons(&contract(year, &[most, 1])), [(None, R::AmountTooLarge)]);
    assert_eq!(reasons(&contract(year, &[i128::MAX; 3])).len(), 4);
    assert_eq!(reasons(&priced(-1, &[1])), [(None, R::NegativePrice)]);
    assert_eq!(reasons(&priced(most + 1, &[1])), [(None, R::AmountTooLarge)]);
    for ssp in [0, -1, i128::MIN] {
        assert_eq!(reasons(&priced(1, &[ssp])), [(Some(0), R::SspNotPositive)]);
    }
    assert_eq!(reasons(&priced(1, &[most + 1])), [(Some(0), R::AmountTooLarge)]);

    let mut unsound = contract(year, &[1]);
    unsound.obligations[0].price = None;
    assert_eq!(reasons(&unsound), [(Some(0), R::PriceMissing)]);
    let mut unsound = priced(1, &[1]);
    unsound.obligations[0].price = Some(1);
    assert_eq!(reasons(&unsound), [(Some(0), R::PriceTwice)]);
    let mut unsound = priced(1, &[1]);
    unsound.obligations[0].ssp = None;
    assert_eq!(reasons(&unsound), [(Some(0), R::SspMissing)]);
    for (from, to) in [("2025-12-31", "2026-01-31"), ("2026-12-31", "2027-01-01")] {
        let mut unsound = contract(year, &[1]);
        unsound.obligations[0].term = Some(term(from, to));
        assert_eq!(reasons(&unsound), [(Some(0), R::TermOutside)]);
    }
}

/// All violations are told at once, with the keys, in a sentence.
#[test]
fn tells_all_violations() {
    let mut unsound = contract(term("2026-01-01", "2026-12-31"), &[-5, 1]);
    unsound.obligations[1].key = "o0".to_owned();
    unsound.obligations[1].id = obligation_id(0);
    unsound.obligations[1].ssp = Some(0);
    let error = book(&unsound, &Policy::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the contract cannot be booked: \
         obligation \"o0\": the price must not be negative; \
         obligation \"o0\": the key is used by an earlier obligation; \
         obligation \"o0\": the id is used by an earlier obligation; \
         obligation \"o0\": the stand-alone selling price must be positive"
    );
}

/// A contract is signed once, and before anything else happens to it.
#[test]
fn signature_comes_first_and_once() {
    let signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let fact = Fact::Signed { contract: signed, policy: Policy::default() };
    let (state, _) = fold(None, &fact, Periods::default()).unwrap();
    assert_eq!(
        fold(Some(state), &fact, Periods::default()),
        Err(EngineError::AlreadySigned(contract_id()))
    );
    let run = Fact::Run { through: day("2026-01-31") };
    assert_eq!(fold(None, &run, Periods::default()), Err(EngineError::NotSigned));
}
