//! Tests of runs on books in memory.

use backlog_ids::{AccountId, ObligationId};
use backlog_recognition_engine::{
    Cause, Convention, Method, Movement, Periods, PlanChange, Policy, SignedContract,
    SignedObligation, Term, fold,
};
use uuid::Uuid;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn contract_id(n: u128) -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(n))
}

fn signed(n: u128, obligations: u128, to: &str) -> SignedContract {
    let usd = Currency::parse("USD").unwrap();
    let obligation = |ordinal: u128| SignedObligation {
        id: ObligationId::from_uuid(Uuid::from_u128(n * 1_000 + ordinal)),
        key: format!("o{ordinal}"),
        price: Some(120_000),
        ssp: None,
        ssp_range: None,
        residual: false,
        term: None,
        method: Method::StraightLine { convention: Some(Convention::EvenMonths) },
        renewal: None,
    };
    SignedContract {
        contract: contract_id(n),
        signed_on: day("2026-01-01"),
        currency: usd,
        term: Term::new(day("2026-01-01"), day(to)).unwrap(),
        price: None,
        obligations: (0..obligations).map(obligation).collect(),
        variables: Vec::new(),
        discount: None,
        clauses: Vec::new(),
        financing: None,
        unmet: Vec::new(),
    }
}

fn books(contracts: Vec<SignedContract>) -> Books {
    let account = AccountId::from_uuid(Uuid::from_u128(2));
    let policy = Policy::default();
    let tenant = TenantBooks {
        account,
        functional: Currency::parse("USD").unwrap(),
        policy,
        policy_versions: policy.version,
        periods: Periods::default(),
        adjustments_need_approval: false,
        recognized_through: None,
        covered: 7,
    };
    let mut books = Books { tenant: Some(tenant), ..Books::default() };
    for contract in contracts {
        let (state, _) =
            fold(None, &Fact::Signed { contract, policy }, Periods::default()).unwrap();
        books.contracts.insert(state.contract, state);
    }
    books
}

fn chunk(contracts: &[u128], through: &str, last: bool) -> RecognizeChunk {
    RecognizeChunk {
        run_id: run_id(tenant(), "r1"),
        through: day(through),
        contract: None,
        contracts: contracts.iter().map(|n| contract_id(*n)).collect(),
        last,
        fence: None,
        ahead: None,
    }
}

fn post(books: &mut Books, chunk: &RecognizeChunk, place: u64) -> Vec<AccountingPosted> {
    match chunk.decide(books).unwrap() {
        Posted::Now(events, change) => {
            books.apply(*change, place);
            events
        }
        Posted::Before(place) => panic!("finished by {place}"),
    }
}

/// Totals, last and recognized-through of an event's run.
fn told(event: &AccountingPosted) -> (u64, Vec<String>, bool, bool) {
    let run = event.run.as_ref().unwrap();
    let sums = run.recognized.iter().map(|sum| format!("{} {}", sum.currency_code, sum.amount));
    (run.entries_posted, sums.collect(), run.last, run.recognized_through.is_some())
}

// Shows that totals go on over chunks, that only the last one is marked and moves the tenant's
// recognized_through, and that the finished run answers with its place from then on.
#[test]
fn chunks_add_up_to_a_run() {
    let mut books = books(vec![signed(1, 1, "2026-12-31"), signed(2, 1, "2026-12-31")]);
    let first = post(&mut books, &chunk(&[1], "2026-02-28", false), 8);
    assert_eq!(told(&first[0]), (2, vec!["USD 200.00".to_owned()], false, false));
    assert_eq!(books.tenant.unwrap().recognized_through, None);
    let last = post(&mut books, &chunk(&[2], "2026-02-28", true), 9);
    assert_eq!(told(&last[0]), (4, vec!["USD 400.00".to_owned()], true, true));
    assert_eq!(last[0].covered_contract_seq, 7);
    assert_eq!(books.tenant.unwrap().recognized_through, Some(day("2026-02-28")));
    let again = chunk(&[1, 2], "2026-02-28", false).decide(&books).unwrap();
    assert_eq!(again, Posted::Before(9));
}

// Shows that what another run posted meanwhile is not posted twice, that a run with nothing to post
// still writes its last chunk, and that one through an earlier day does not move recognized_through
// back.
#[test]
fn nothing_is_posted_twice() {
    let mut books = books(vec![signed(1, 1, "2026-12-31")]);
    post(&mut books, &chunk(&[1], "2026-03-31", true), 8);
    let other =
        RecognizeChunk { run_id: run_id(tenant(), "r2"), ..chunk(&[1], "2026-02-28", true) };
    let before = books.contracts.clone();
    let events = post(&mut books, &other, 9);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].movements.len(), events[0].plan_changes.len()), (0, 0));
    assert_eq!(told(&events[0]), (0, vec![], true, true));
    assert_eq!(books.contracts, before);
    assert_eq!(books.tenant.unwrap().recognized_through, Some(day("2026-03-31")));
}

// Shows that a request_id cannot stand for a run through another day or over another contract, and
// that a run over a contract that is not there is refused before it begins.
#[test]
fn a_run_is_what_it_was_asked_to_be() {
    let mut books = books(vec![signed(1, 1, "2026-12-31")]);
    post(&mut books, &chunk(&[], "2026-01-31", false), 8);
    let other_day = chunk(&[1], "2026-02-28", true).decide(&books);
    assert_eq!(other_day, Err(RunRefusal::RequestIdReused));
    let one =
        |n| RecognizeChunk { contract: Some(contract_id(n)), ..chunk(&[n], "2026-01-31", true) };
    assert_eq!(one(1).decide(&books), Err(RunRefusal::RequestIdReused));
    assert_eq!(one(3).decide(&books), Err(RunRefusal::UnknownContract(contract_id(3))));
    let nothing = chunk(&[], "2026-01-31", true).decide(&Books::default());
    assert_eq!(nothing, Err(RunRefusal::TenantNotReady));
}

// Shows that a run over one contract says nothing about the tenant as a whole.
#[test]
fn a_run_over_one_contract_moves_no_watermark() {
    let mut books = books(vec![signed(1, 1, "2026-12-31"), signed(2, 1, "2026-12-31")]);
    let one = RecognizeChunk { contract: Some(contract_id(1)), ..chunk(&[1], "2026-01-31", true) };
    let events = post(&mut books, &one, 8);
    assert_eq!(told(&events[0]), (1, vec!["USD 100.00".to_owned()], true, false));
    assert_eq!(events[0].run.as_ref().unwrap().contract_id, contract_id(1).to_string());
    assert_eq!(books.tenant.unwrap().recognized_through, None);
    assert_eq!(books.contracts[&contract_id(2)].obligations[0].recognized, 0);
}

// Shows that a contract with more entries than fit is cut, that small ones share an entry and are
// never cut, that every event keeps to the limit, and that nothing is lost or reordered on the way.
#[test]
fn events_keep_to_the_limit() {
    // 10 years x 10 obligations = 1,200 entries, then 12 and 12, then 1,188 + 12.
    let long = signed(1, 10, "2035-12-31");
    let contracts = vec![
        long.clone(),
        signed(2, 1, "2026-12-31"),
        signed(3, 1, "2026-12-31"),
        signed(4, 10, "2035-12-31"),
    ];
    let mut books = books(contracts.clone());
    let alone: Vec<Movement> = contracts
        .iter()
        .flat_map(|contract| {
            let state = books.contracts[&contract.contract].clone();
            fold(Some(state), &Fact::Run { through: day("2035-12-31") }, Periods::default())
                .unwrap()
                .1
                .movements
        })
        .collect();
    let events = post(&mut books, &chunk(&[1, 2, 3, 4], "2035-12-31", true), 8);
    let entries = |event: &AccountingPosted| {
        let recognized = backlog_proto::recognition::v1::Measure::Recognized;
        event.movements.iter().filter(|movement| movement.measure() == recognized).count()
    };
    let counts: Vec<usize> = events.iter().map(entries).collect();
    assert_eq!(counts, [500, 500, 224, 500, 500, 200]);
    for event in &events {
        assert_eq!(entries(event), event.plan_changes.len());
    }
    let written: Vec<_> = events.iter().flat_map(|event| event.movements.clone()).collect();
    let expected: Vec<_> = alone.iter().map(crate::accounting::convert::movement).collect();
    assert_eq!(written, expected);
    let marked: Vec<bool> = events.iter().map(|event| told(event).2).collect();
    assert_eq!(marked, [false, false, false, false, false, true]);
    let run = &books.runs[&run_id(tenant(), "r1")];
    assert_eq!((run.chunks, run.totals.entries, run.seq), (6, 2_424, 8));
}

// Shows the boundary: exactly the limit stays one piece, one more makes a second, and the split of
// balances comes with the last piece.
#[test]
fn pieces_are_cut_at_the_limit() {
    let effects = |entries: usize| {
        let books = books(vec![signed(1, 1, "2026-12-31")]);
        let state = books.contracts[&contract_id(1)].clone();
        let (_, one) =
            fold(Some(state), &Fact::Run { through: day("2026-01-31") }, Periods::default())
                .unwrap();
        let recognized: Vec<Movement> = one.movements.iter().copied().take(1).collect();
        let asset: Vec<Movement> = one.movements.iter().copied().skip(1).collect();
        assert_eq!(
            (recognized[0].cause, asset[0].cause),
            (Cause::Recognition, Cause::ContractBalance)
        );
        let plan_changes: Vec<PlanChange> = one.plan_changes.repeat(entries);
        let movements = [recognized.repeat(entries), asset].concat();
        Effects { movements, plan_changes, ..Effects::default() }
    };
    for (entries, expected) in [
        (ENTRIES_MAX, vec![(501, 500)]),
        (ENTRIES_MAX + 1, vec![(500, 500), (2, 1)]),
        (2 * ENTRIES_MAX, vec![(500, 500), (501, 500)]),
    ] {
        let lengths: Vec<_> = pieces(effects(entries))
            .iter()
            .map(|piece| (piece.movements.len(), piece.plan_changes.len()))
            .collect();
        assert_eq!(lengths, expected, "{entries}");
    }
}
