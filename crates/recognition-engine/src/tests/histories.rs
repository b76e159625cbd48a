//! Random histories of every kind of fact: the identities hold on every day, and when runs are made
//! does not matter.

use backlog_money::Quantity;
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::{Story, contract, contract_id, day, obligation, obligation_id, policy, term, usd};
use crate::{
    AdjustmentFact, AmendmentFact, AssessmentFact, Clause, Concession, Convention, CreditFact,
    Criterion, EngineError, Estimate, EstimateFact, Fact, Filter, HoldFact, InvoiceFact,
    InvoiceLine, Measure, MeterChange, Method, Milestone, MilestoneWeight, ObligationChange,
    PaymentFact, ProgressFact, Reading, Refund, Renewal, Rounding, SignedContract,
    SignedObligation, Standing, Term, TerminationFact, Treatment, Variable,
};

pub(super) const BEGIN: &str = "2026-01-01";

pub(super) fn q(whole: i64) -> Quantity {
    Quantity::whole(whole).unwrap()
}

pub(super) fn share(hundredths: i64) -> Quantity {
    Quantity::from_scaled(q(hundredths).scaled() / 100)
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        3 => Just(Method::StraightLine { convention: None }),
        1 => prop::sample::select(Convention::ALL.to_vec())
            .prop_map(|of| Method::StraightLine { convention: Some(of) }),
        1 => Just(Method::PercentComplete),
        1 => Just(Method::Units { total: q(100) }),
        1 => Just(Method::LaborHours { total: q(80) }),
        1 => Just(Method::CostToCost { estimate: 50_000 }),
        1 => Just(Method::PointInTime { quantity: q(4), gates: Vec::new() }),
        1 => Just(Method::Milestones(
            [30, 30, 40]
                .iter()
                .enumerate()
                .map(|(n, of)| Milestone {
                    id: n.to_string(),
                    weight: MilestoneWeight::Share(share(*of)),
                })
                .collect()
        )),
        1 => prop::option::of(20_000_i128..40_000)
            .prop_map(|cap| Method::Usage { unit_price: q(3), minimum: 20_000, cap }),
        1 => prop::option::of(0_i128..30_000)
            .prop_map(|cap| Method::RightToInvoice { unit_price: q(2), cap }),
        1 => Just(Method::MaterialRight {
            expected_share: share(80),
            exercise_price: 30_000,
            expires_on: day("2026-12-31"),
        }),
    ]
}

/// The place of the option to renew that a contract may have beside its other promises.
const OPTION: u128 = 40;

fn clause() -> impl Strategy<Value = Clause> {
    let days = || prop::option::of(0_u64..400);
    (0_u32..60, 0_i128..40_000, days(), days()).prop_map(|(notice_days, penalty, from, to)| {
        let on = |days: u64| day(BEGIN) + Days::new(days);
        Clause { mutual: false, notice_days, penalty, from: from.map(on), to: to.map(on) }
    })
}

/// A contract that may be left early, whose advances may bear interest, and that may be renewed.
pub(super) fn signed_under_terms() -> impl Strategy<Value = SignedContract> {
    let clauses = prop::collection::vec(clause(), 0..3);
    let rate = prop::option::weighted(0.4, (1_i64..30).prop_map(share));
    let renewal = prop::option::of((1_i64..=100, 0_i128..150_000, 200_u64..500));
    (signed(), clauses, rate, renewal).prop_map(|(made, clauses, financing, renewal)| {
        let mut made = SignedContract { clauses, financing, ..made };
        if let Some((expected, exercise_price, until)) = renewal {
            let mut option = obligation(OPTION, None, Some(exercise_price.max(1)));
            option.term = Some(term("2027-01-01", "2027-12-31"));
            option.renewal = Some(Renewal {
                expected_share: share(expected),
                exercise_price,
                expires_on: day(BEGIN) + Days::new(until),
            });
            made.obligations.push(option);
        }
        made
    })
}

/// The same, where the variable amount may be for a part of the series that time earns.
pub(super) fn signed() -> impl Strategy<Value = SignedContract> {
    let period = prop::option::of((0_u64..300, 1_u64..120));
    (signed_for_all(), period).prop_map(|(mut made, period)| {
        let by_time = |o: &&SignedObligation| matches!(o.method, Method::StraightLine { .. });
        let series: Vec<_> = made.obligations.iter().filter(by_time).map(|o| o.id).collect();
        if let (Some((after, days)), Some(variable)) = (period, made.variables.first_mut())
            && !series.is_empty()
        {
            let from = day(BEGIN) + Days::new(after);
            let to = (from + Days::new(days)).min(day("2026-12-31"));
            variable.period = Some(Term::new(from, to).unwrap());
            variable.applies_to = series;
        }
        made
    })
}

fn signed_for_all() -> impl Strategy<Value = SignedContract> {
    let obligations = prop::collection::vec((method(), 0_i128..200_000), 1..4);
    (obligations, -10_000_i128..20_000, any::<bool>()).prop_map(|(obligations, bonus, scoped)| {
        let prices: Vec<i128> = obligations.iter().map(|(_, price)| *price).collect();
        let mut made = contract(term(BEGIN, "2026-12-31"), &prices);
        for (obligation, (method, price)) in made.obligations.iter_mut().zip(&obligations) {
            obligation.method = method.clone();
            obligation.ssp = Some((*price).max(1));
            if method.is_metered() {
                obligation.price = None;
                obligation.ssp = None;
            }
        }
        let fixed = made.obligations.iter().filter(|o| o.price.is_some());
        let named: Vec<_> = fixed.map(|o| o.id).take(1).collect();
        if !named.is_empty() {
            let applies_to = if scoped { named } else { Vec::new() };
            let id = "bonus".to_owned();
            made.variables.push(Variable {
                id,
                estimate: bonus,
                included: bonus,
                applies_to,
                period: None,
                of: None,
            });
        }
        made
    })
}

/// What is signed and may be no contract: each may leave, a criterion is not met, or both; service begins
/// at once or later.
pub(super) fn signed_maybe_no_contract() -> impl Strategy<Value = SignedContract> {
    let right = (any::<bool>(), 0_u32..40, prop::option::of(0_u64..90));
    (signed_under_terms(), right, any::<bool>(), any::<bool>()).prop_map(
        |(mut made, (mutual, notice_days, to), unmet, later)| {
            let to = to.map(|days| day(BEGIN) + Days::new(days));
            made.clauses.push(Clause { mutual, notice_days, penalty: 0, from: None, to });
            made.unmet = if unmet { vec![Criterion::Collection] } else { Vec::new() };
            // A part of a series is one of its term.
            let later = later && made.variables.iter().all(|variable| variable.period.is_none());
            for obligation in made.obligations.iter_mut().filter(|o| o.renewal.is_none()) {
                obligation.term = later.then(|| term("2026-03-10", "2026-12-31"));
            }
            made
        },
    )
}

/// An assessment before some of the facts, which mostly finds that it is a contract.
pub(super) fn assessed(n: usize, on: NaiveDate) -> Option<Fact> {
    let unmet = if n % 6 == 1 { vec![Criterion::Rights] } else { Vec::new() };
    let contract = contract_id();
    (n % 3 == 1).then_some(Fact::Reassessed(AssessmentFact { contract, on, unmet }))
}

/// A fact some days after the one before, whatever the contract makes of it.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub(super) after: u64,
    pub(super) late: u64,
    pub(super) kind: u8,
    pub(super) place: u128,
    pub(super) amount: i128,
}

pub(super) fn happening() -> impl Strategy<Value = Happening> {
    happening_of(0..19)
}

/// The same, with changes of the right to leave: what is enforceable is a posted figure, which depends on
/// when it was last worked out.
pub(super) fn happening_under_terms() -> impl Strategy<Value = Happening> {
    happening_of(0..20)
}

fn happening_of(kinds: std::ops::Range<u8>) -> impl Strategy<Value = Happening> {
    (0_u64..45, 0_u64..40, kinds, 0_u128..3, 0_i128..30_000).prop_map(
        |(after, late, kind, place, amount)| Happening { after, late, kind, place, amount },
    )
}

pub(super) fn no_change(place: u128) -> ObligationChange {
    ObligationChange {
        obligation: obligation_id(place),
        price: None,
        total: None,
        term: None,
        ssp: None,
        remove: false,
        distinct: None,
        meter: MeterChange::default(),
    }
}

fn reading(of: &Method, amount: i128) -> Reading {
    let part = i64::try_from(amount % 100).unwrap();
    match of {
        Method::CostToCost { .. } => {
            Reading::Cost { cost: amount, estimate: Some(50_000), uninstalled: amount / 7 }
        }
        Method::Units { .. } => Reading::Units(q(part + 5)),
        Method::LaborHours { .. } => Reading::Hours(q(part)),
        Method::PointInTime { .. } => Reading::Delivered { quantity: Some(q(1)), gate: None },
        Method::Milestones(_) => Reading::Milestone((part % 3).to_string()),
        Method::Usage { .. } | Method::RightToInvoice { .. } => {
            Reading::Usage { quantity: q(part), amount: (part % 3 == 0).then_some(amount) }
        }
        Method::MaterialRight { .. } if part == 99 => Reading::Expired,
        Method::MaterialRight { .. } => Reading::Exercised(share(part + 1)),
        _ => Reading::Percent(q(part)),
    }
}

/// The fact, on `on` or, where it may come late, some days before.
pub(super) fn fact(of: &Happening, on: NaiveDate, made: &SignedContract) -> Fact {
    let (contract, obligation) = (contract_id(), obligation_id(of.place));
    let amount = of.amount;
    let before = (on - Days::new(of.late)).max(day(BEGIN));
    let line = vec![InvoiceLine { obligation, amount }];
    let amended = |changes, treatment| {
        Fact::Amended(AmendmentFact {
            contract,
            on,
            changes,
            added: Vec::new(),
            treatment,
            clauses: None,
        })
    };
    match of.kind {
        0 | 1 => Fact::Invoiced(InvoiceFact {
            invoice: backlog_ids::InvoiceId::from_uuid(uuid::Uuid::from_u128(9)),
            contract,
            issued_on: before,
            due_on: on,
            lines: line,
            tax: amount / 10,
        }),
        2 => Fact::Credited(CreditFact {
            contract,
            on,
            lines: line,
            tax: amount / 20,
            concession: match amount % 3 {
                0 => Concession::None,
                1 => Concession::Whole,
                _ => Concession::Transferred,
            },
        }),
        3 => Fact::Paid(PaymentFact { contract, on: before, amount: amount - 5_000 }),
        4..=6 => {
            let method = made.obligations.get(usize::try_from(of.place).unwrap());
            let method = method.map_or(Method::PercentComplete, |o| o.method.clone());
            let reading = reading(&method, amount);
            Fact::Progressed(ProgressFact { contract, obligation, on: before, reading })
        }
        7 => {
            let estimate = amount - 15_000;
            let estimate = Estimate::Variable {
                id: "bonus".to_owned(),
                estimate,
                included: estimate - amount / 3,
            };
            Fact::Reestimated(EstimateFact { contract, on, estimate })
        }
        8..=10 if is_metered(made, of.place) => amended(vec![metered(of)], None),
        8 => {
            let price = ObligationChange { price: Some(amount * 5), ..no_change(of.place) };
            amended(vec![price], [Some(Treatment::Prospective), None][usize::from(amount % 2 == 0)])
        }
        9 => {
            let price = ObligationChange {
                price: Some(amount * 5),
                term: Some(term(BEGIN, "2027-06-30")),
                distinct: Some(amount % 2 == 0),
                ..no_change(of.place)
            };
            amended(vec![price], Some(Treatment::CatchUp))
        }
        10 => more(of, on, made),
        14 | 15 => Fact::Held(HoldFact {
            contract,
            obligation: (amount % 2 == 0).then_some(obligation),
            on,
        }),
        16 => Fact::Released(HoldFact { contract, obligation: None, on }),
        17 => {
            let obligation = obligation_id(OPTION);
            let reading = match amount % 9 {
                0 => Reading::Expired,
                part => Reading::Exercised(share(i64::try_from(part).unwrap() * 12)),
            };
            Fact::Progressed(ProgressFact { contract, obligation, on: before, reading })
        }
        18 => {
            let estimate = match made.obligations.get(usize::try_from(of.place).unwrap()) {
                Some(of) if matches!(of.method, Method::CostToCost { .. }) => {
                    Estimate::Cost { obligation, estimate: 30_000 + amount }
                }
                _ => Estimate::Exercise { obligation, share: share(50) },
            };
            Fact::Reestimated(EstimateFact { contract, on, estimate })
        }
        19 => {
            let penalty = amount;
            let clause =
                Clause { mutual: false, notice_days: 20, penalty, from: Some(on), to: None };
            Fact::Amended(AmendmentFact {
                contract,
                on,
                changes: Vec::new(),
                added: Vec::new(),
                treatment: None,
                clauses: Some(if amount % 3 == 0 { Vec::new() } else { vec![clause] }),
            })
        }
        11 => {
            Fact::Adjusted(AdjustmentFact { contract, obligation, on, amount: amount / 10 - 1_000 })
        }
        _ => Fact::Terminated(TerminationFact {
            contract,
            on,
            refund: [Refund::Unearned, Refund::Amount(amount), Refund::All]
                [usize::try_from(amount % 3).unwrap()],
            penalty: amount / 20,
            keep_earned: amount % 5 != 0,
            wind_down_to: (amount % 2 == 0).then(|| on + Days::new(40)),
        }),
    }
}

fn is_metered(made: &SignedContract, place: u128) -> bool {
    let of = made.obligations.get(usize::try_from(place).unwrap());
    of.is_some_and(|of| of.method.is_metered())
}

/// Other terms of metered use, or its end.
fn metered(of: &Happening) -> ObligationChange {
    let amount = of.amount;
    let remove = amount % 11 == 0;
    let meter = MeterChange {
        unit_price: (amount % 2 == 0).then(|| q(i64::try_from(amount % 7).unwrap())),
        minimum: (amount % 9 == 4).then_some(amount),
        cap: (amount % 5 == 0).then_some(amount + 15_000),
    };
    let term = match amount % 8 {
        1 => Some(term(BEGIN, "2026-09-30")),
        3 => Some(term(BEGIN, "2027-03-31")),
        _ => None,
    };
    ObligationChange {
        price: (amount % 22 == 0).then_some(amount),
        remove,
        term: term.filter(|_| !remove),
        meter: if remove { MeterChange::default() } else { meter },
        ..no_change(of.place)
    }
}

/// More of an obligation, or another one, as a contract of its own where that can be.
fn more(of: &Happening, on: NaiveDate, made: &SignedContract) -> Fact {
    let place = usize::try_from(of.place).unwrap();
    let signed = made.obligations.get(place);
    let price = signed.and_then(|o| o.price).unwrap_or(0) * 2 + of.amount;
    let mut change = ObligationChange { price: Some(price), ..no_change(of.place) };
    match signed.map(|o| &o.method) {
        Some(Method::Units { total } | Method::LaborHours { total }) => {
            change.total = total.checked_add(q(50));
        }
        Some(Method::PointInTime { .. }) => change.total = Some(q(6)),
        _ => change.term = Some(term(BEGIN, "2027-03-15")),
    }
    let own = obligation(50 + u128::from(of.after), Some(of.amount + 1), None);
    let (changes, added) = match of.amount % 3 {
        0 => (vec![change], Vec::new()),
        1 => (vec![change], vec![own]),
        _ => (Vec::new(), vec![own]),
    };
    let treatment = (of.amount % 4 != 0).then_some(Treatment::Separate);
    Fact::Amended(AmendmentFact {
        contract: contract_id(),
        on,
        changes,
        added,
        treatment,
        clauses: None,
    })
}

/// What is refused must be refused for a reason, and change nothing.
pub(super) fn refused_for_a_reason(error: &EngineError) {
    assert!(
        !matches!(
            error,
            EngineError::Overflow | EngineError::NotSigned | EngineError::OtherContract { .. }
        ),
        "{error}"
    );
}

/// The history, with runs through each day that `runs` picks before the next fact.
/// Nothing is held any more before the last.
fn play(made: &SignedContract, happened: &[Happening], every: Option<u64>) -> Story {
    let mut story = Story::sign(made.clone(), policy(Convention::ActualDays, Rounding::Cumulative));
    let mut on = day(BEGIN);
    let mut ran = on;
    for (n, of) in happened.iter().enumerate() {
        on = on + Days::new(of.after);
        while let Some(next) = every.map(|every| ran + Days::new(every)).filter(|next| *next < on) {
            story.fact(&Fact::Run { through: next });
            ran = next;
        }
        // What is a contract is not assessed anew: then that is refused.
        for fact in assessed(n, on).into_iter().chain([fact(of, on, made)]) {
            if let Err(error) = story.try_fact(&fact) {
                refused_for_a_reason(&error);
            }
        }
    }
    story.fact(&Fact::Released(HoldFact { contract: contract_id(), obligation: None, on }));
    story.fact(&Fact::Run { through: on.max(day("2028-01-31")) });
    story
}

/// A history of its own: what was signed, what happened, and how often runs are made.
pub(super) type History = (SignedContract, Vec<Happening>, Option<u64>);

/// Any history.
pub(super) fn history() -> impl Strategy<Value = History> {
    let happened = prop::collection::vec(happening(), 0..12);
    (signed(), happened, prop::option::of(1_u64..40))
}

/// The story of a history.
pub(super) fn play_history((made, happened, every): &History) -> Story {
    play(made, happened, *every)
}

pub(super) fn identities(story: &Story, on: NaiveDate) -> Result<(), TestCaseError> {
    let at = story.on(on);
    prop_assert_eq!(at.backlog, at.tcv - at.recognized);
    let parts =
        at.unbilled_backlog + at.conditional_billing + at.deferred_revenue + at.refund_liability
            - at.contract_asset;
    prop_assert_eq!(at.backlog, parts, "the split of backlog on {}", on);
    let unconditional = at.billed - at.conditional_billing;
    let movements = story.ledger.movements().iter();
    let taxed = movements.filter(|m| m.measure == Measure::Tax && m.effective_date <= on);
    let tax: i128 = taxed.map(|m| m.amount.minor()).sum();
    prop_assert_eq!(
        at.receivable + at.cash + at.interest - tax,
        unconditional,
        "what is owed or paid"
    );
    prop_assert!(at.deferred_revenue >= 0 && at.refund_liability >= 0 && at.contract_asset >= 0);
    for point in story.state.portions().flat_map(|(_, of)| &of.balances) {
        let liabilities = point.deferred_revenue + point.refund_liability;
        prop_assert!(liabilities == 0 || point.contract_asset == 0, "of one accounting contract");
    }
    for obligation in &story.state.obligations {
        let filter = Filter::obligation(usd(), obligation.id);
        let own = story.ledger.balances(on, &filter).unwrap();
        let planned = story.ledger.schedule(on, &filter).unwrap();
        let sum: i128 = planned.values().sum();
        prop_assert_eq!(sum, own.backlog, "the plan of {} on {}", &obligation.key, on);
    }
    let roll = story.ledger.roll_forward(day(BEGIN), on, &Filter::all(usd())).unwrap();
    prop_assert_eq!((roll.opening, roll.unexplained, roll.closing), (0, 0, at.backlog));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// On every day of any history: backlog splits without rest, the plan is T - R, liabilities and
    /// asset exclude each other, every change has a cause.
    #[test]
    fn identities_hold(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
        every in prop::option::of(1_u64..40),
    ) {
        let story = play(&made, &happened, every);
        for on in day(BEGIN).iter_days().step_by(9).take(60) {
            identities(&story, on)?;
        }
        prop_assert!(story.ledger.movements().iter().all(|m| m.amount.minor() != 0));
        for obligation in &story.state.obligations {
            let r: i128 = story
                .ledger
                .movements()
                .iter()
                .filter(|m| m.obligation == Some(obligation.id) && m.measure == Measure::Recognized)
                .map(|m| m.amount.minor())
                .sum();
            let of = story.state.obligations.iter().filter(|o| o.id == obligation.id);
            prop_assert_eq!(r, of.map(|o| o.recognized).sum::<i128>());
            prop_assert!(obligation.pending.is_empty());
        }
    }

    /// The same under rights to leave, with interest, and with an option to renew: what is beyond enforceable is a part of what is open, what is conditional of what is billed.
    #[test]
    fn identities_hold_under_clauses(
        made in signed_under_terms(),
        happened in prop::collection::vec(happening_under_terms(), 0..14),
        every in prop::option::of(1_u64..40),
    ) {
        let story = play(&made, &happened, every);
        for on in day(BEGIN).iter_days().step_by(9).take(60) {
            identities(&story, on)?;
        }
        for obligation in &story.state.obligations {
            prop_assert!(obligation.beyond >= 0 && obligation.conditional >= 0);
            prop_assert!(obligation.conditional <= obligation.billed.max(0));
            let open = obligation.transaction_price - obligation.recognized;
            prop_assert!(obligation.beyond <= open.max(0), "what is earned is firm");
        }
    }

    /// The same of what may be no contract: until the day on which it is one, nothing of it is in any
    /// figure but what is billed and received. When runs are made does not matter.
    #[test]
    fn identities_hold_without_a_contract(
        made in signed_maybe_no_contract(),
        happened in prop::collection::vec(happening_under_terms(), 0..14),
        every in prop::option::of(1_u64..40),
    ) {
        let story = play(&made, &happened, every);
        let first = match story.state.standing {
            Standing::Contract => day(BEGIN),
            Standing::Since(since) => since,
            Standing::NotYet(_) => NaiveDate::MAX,
        };
        for on in day(BEGIN).iter_days().step_by(9).take(60) {
            identities(&story, on)?;
            let at = story.on(on);
            if on < first {
                prop_assert_eq!((at.tcv, at.recognized, at.potential), (0, 0, 0), "{}", on);
            }
            if first == NaiveDate::MAX {
                prop_assert_eq!((at.refund_liability, at.tcv), (0, 0), "{}", on);
            }
        }
        // Interest is on what was posted, so it does depend on runs.
        if made.financing.is_none() {
            let once = play(&made, &happened, None);
            let revenue = |story: &Story| {
                let of = story.state.obligations.iter();
                of.map(|o| (o.transaction_price, o.recognized)).collect::<Vec<_>>()
            };
            prop_assert_eq!(revenue(&story), revenue(&once));
        }
    }

    /// Daily, monthly or no runs between the facts end in the same revenue, to the minor unit.
    #[test]
    fn runs_do_not_matter(
        made in signed(),
        happened in prop::collection::vec(happening(), 0..12),
        every in 1_u64..40,
    ) {
        let (often, once) = (play(&made, &happened, Some(every)), play(&made, &happened, None));
        let revenue = |story: &Story| {
            let of = story.state.obligations.iter();
            of.map(|o| (o.transaction_price, o.recognized)).collect::<Vec<_>>()
        };
        prop_assert_eq!(revenue(&often), revenue(&once));
        for month_end in ["2026-06-30", "2027-01-31", "2028-01-31"] {
            let (often, once) = (often.at(month_end), once.at(month_end));
            prop_assert_eq!(often.transaction_price, once.transaction_price);
        }
    }
}
