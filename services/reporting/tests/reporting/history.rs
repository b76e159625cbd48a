//! Random histories: reports agree with the engine's own ledger, whatever happened in whatever order.

use backlog_ids::{ContractId, ObligationId};
use backlog_proto::common::v1::{DateRange, Log, LogPosition};
use backlog_proto::reporting::v1 as pb;
use backlog_recognition_engine::{
    Balances, Convention, Filter, Ledger, Policy, ReceivableOn, Rounding, Term,
};
use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::books::{Books, Names, Service, at, balances, day, minor, tenant, terms, usd};

const HISTORIES: u128 = 14;
const REGIONS: [&str; 3] = ["EMEA", "APAC", ""];
const LINES: [&str; 3] = ["saas", "support", ""];

/// Something that happens, with days after 1 January 2026 and days that pass before it.
#[derive(Debug, Clone)]
enum Step {
    Sign { on: u64, from: u64, days: u64, prices: Vec<u32>, region: usize },
    Invoice { contract: usize, obligation: usize, on: u64, due: u64, percent: u32 },
    Run { through: u64, contract: Option<usize> },
}

#[derive(Debug, Clone)]
struct History {
    policy: Policy,
    steps: Vec<(i64, Step)>,
    asked: Vec<u64>,
}

fn history() -> impl Strategy<Value = History> {
    let policy =
        (0..7_usize, 0..3_usize, any::<bool>()).prop_map(|(convention, rounding, due)| Policy {
            convention: Convention::ALL[convention],
            rounding: Rounding::ALL[rounding],
            receivable_on: if due { ReceivableOn::Due } else { ReceivableOn::Issue },
            ..Policy::default()
        });
    let prices = prop::collection::vec(prop_oneof![Just(0_u32), 1..200_000_u32], 1..4);
    let sign = (0..200_u64, 0..200_u64, 1..400_u64, prices, 0..3_usize)
        .prop_map(|(on, from, days, prices, region)| Step::Sign { on, from, days, prices, region });
    let invoice = (0..4_usize, 0..3_usize, 0..300_u64, 0..60_u64, 1..60_u32).prop_map(
        |(contract, obligation, on, due, percent)| Step::Invoice {
            contract,
            obligation,
            on,
            due,
            percent,
        },
    );
    let run = (0..400_u64, prop::option::of(0..4_usize))
        .prop_map(|(through, contract)| Step::Run { through, contract });
    let step = (0..25_i64, prop_oneof![2 => invoice, 3 => run]);
    let signs = prop::collection::vec((0..25_i64, sign), 1..4);
    let steps = (signs, prop::collection::vec(step, 3..14))
        .prop_map(|(signs, steps)| signs.into_iter().chain(steps).collect());
    (policy, steps, prop::collection::vec(0..420_u64, 6))
        .prop_map(|(policy, steps, asked)| History { policy, steps, asked })
}

fn date(days: u64) -> NaiveDate {
    day("2026-01-01") + Days::new(days)
}

/// Plays a history into books; answers the contracts with their obligations.
fn play(history: &History, books: &mut Books) -> Vec<(ContractId, Vec<ObligationId>, Vec<i128>)> {
    let mut contracts = Vec::new();
    for (pass, step) in &history.steps {
        books.pass(*pass);
        match step {
            Step::Sign { on, from, days, prices, region } => {
                let number = u128::try_from(contracts.len()).unwrap() + 1;
                let prices: Vec<i128> = prices.iter().map(|price| i128::from(*price)).collect();
                let (first, last) = (date(*from), date(from + days));
                let mut signed = terms(number, "2026-01-01", ("2026-01-01", "2026-01-02"), &prices);
                signed.signed_on = date(*on);
                signed.term = Term::new(first, last).unwrap();
                let ids = signed.obligations.iter().map(|obligation| obligation.id).collect();
                contracts.push((signed.contract, ids, prices));
                let dimensions = [("region", REGIONS[*region])];
                let named = if REGIONS[*region].is_empty() { &[][..] } else { &dimensions[..] };
                let customer = if *region == 0 { "Acme" } else { "Zeta" };
                books.sign(signed, Names { customer, dimensions: named, product_lines: &LINES });
            }
            Step::Invoice { contract, obligation, on, due, percent } => {
                let (id, _, prices) = &contracts[contract % contracts.len()];
                let place = obligation % prices.len();
                let amount = prices[place] * i128::from(*percent) / 100;
                let (on, due) = (date(*on), date(on + due));
                books.invoice(*id, place, &on.to_string(), &due.to_string(), amount);
            }
            Step::Run { through, contract } => {
                let only = contract.map(|place| contracts[place % contracts.len()].0);
                books.run(&date(*through).to_string(), only);
            }
        }
    }
    contracts
}

fn total(answer: &pb::GetBacklogResponse) -> Balances {
    assert!(answer.rows.len() <= 1);
    answer
        .rows
        .first()
        .map_or_else(Balances::default, |row| balances(row.balances.as_ref().unwrap()))
}

/// Asks in total, by contract and by obligation, and compares each answer with a ledger.
async fn agree(
    service: &Service,
    books: &Books,
    ledger: &Ledger,
    as_of: NaiveDate,
    known_at: &[LogPosition],
    contracts: &[(ContractId, Vec<ObligationId>, Vec<i128>)],
) {
    let request = pb::GetBacklogRequest { known_at: known_at.to_vec(), ..at(as_of) };
    let answer = service.report(books.tenant, request.clone()).await.unwrap();
    let expected = ledger.balances(as_of, &Filter::all(usd())).unwrap();
    assert_eq!(total(&answer), expected, "{as_of} {known_at:?}");
    for (group_by, is_contract) in [("contract", true), ("obligation", false)] {
        let request =
            pb::GetBacklogRequest { group_by: vec![group_by.to_owned()], ..request.clone() };
        let answer = service.report(books.tenant, request).await.unwrap();
        for (contract, obligations, _) in contracts {
            let filters: Vec<(String, Filter)> = if is_contract {
                vec![(contract.to_string(), Filter::contract(usd(), *contract))]
            } else {
                let of = |id: &ObligationId| (id.to_string(), Filter::obligation(usd(), *id));
                obligations.iter().map(of).collect()
            };
            for (name, filter) in filters {
                let row = answer.rows.iter().find(|row| row.group[0] == name);
                let actual = row
                    .map_or_else(Balances::default, |row| balances(row.balances.as_ref().unwrap()));
                let expected = ledger.balances(as_of, &filter).unwrap();
                assert_eq!(actual, expected, "{name} {as_of} {known_at:?}");
            }
        }
    }
    let (contract, obligations, _) = &contracts[0];
    let filter = pb::ReportFilter {
        contract_id: contract.to_string(),
        obligation_id: obligations[0].to_string(),
        ..pb::ReportFilter::default()
    };
    let request = pb::GetBacklogRequest { filter: Some(filter), ..request };
    let answer = service.report(books.tenant, request).await.unwrap();
    let expected = ledger.balances(as_of, &Filter::obligation(usd(), obligations[0])).unwrap();
    assert_eq!(total(&answer), expected, "filter {as_of} {known_at:?}");
}

async fn rolls_agree(service: &Service, books: &Books, from: NaiveDate, to: NaiveDate) {
    let period = DateRange { from: Some(from.into()), to: Some(to.into()) };
    let request = pb::GetRollForwardRequest { period: Some(period), ..Default::default() };
    let answer = service.roll_forward(books.tenant, request).await.unwrap();
    let expected = books.ledger.roll_forward(from, to, &Filter::all(usd())).unwrap();
    let Some(roll) = answer.roll_forwards.first() else {
        assert_eq!((expected.opening, expected.closing), (0, 0));
        assert!(expected.changes.is_empty());
        return;
    };
    let changes: Vec<i128> = roll.changes.iter().map(|c| minor(c.amount.as_ref())).collect();
    let actual = (minor(roll.opening.as_ref()), changes, minor(roll.closing.as_ref()));
    let expected_changes: Vec<i128> = expected.changes.into_values().collect();
    assert_eq!(actual, (expected.opening, expected_changes, expected.closing), "{from} {to}");
    assert_eq!(minor(roll.unexplained.as_ref()), 0, "{from} {to}");
}

// For random books under random policies (runs in any order, some of one contract; late signatures;
// due dates ahead), at random days and at every known position: every measure in total, per contract and
// per obligation is what the engine's ledger sums, roll-forwards too, and all identities hold.
#[tokio::test]
async fn reports_agree_with_the_engine() {
    let service = Service::start().await;
    let mut runner = TestRunner::deterministic();
    let strategy = history();
    for number in 1..=HISTORIES {
        let history = strategy.new_tree(&mut runner).unwrap().current();
        let mut books = Books::under(tenant(number), history.policy);
        let contracts = play(&history, &mut books);
        books.deliver(&service).await;
        let violations = service.violations(books.tenant).await;
        assert_eq!(violations, Vec::<String>::new(), "{history:?}");
        for (asked, known) in history.asked.iter().zip([0, 1, 3, 5, 8, 13]) {
            let as_of = date(*asked);
            agree(&service, &books, &books.ledger, as_of, &[], &contracts).await;
            let seq = known % books.ledgers.len();
            let position =
                LogPosition { log: Log::Recognition.into(), seq: u64::try_from(seq).unwrap() };
            agree(&service, &books, &books.ledgers[seq], as_of, &[position], &contracts).await;
        }
        for pair in history.asked.windows(2) {
            let (from, to) = (date(pair[0].min(pair[1])), date(pair[0].max(pair[1])));
            rolls_agree(&service, &books, from, to).await;
        }
    }
}
